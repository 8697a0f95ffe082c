_base_ = [
    '../_base_/models/deeplabv2_r101-d16.py',
    '../_base_/datasets/voc_pixelssl.py',
    '../_base_/methods/gct.py',
    '../_base_/schedules/sgd_gct.py',
    '../_base_/default_runtime.py',
]
model = dict(segmentor=_base_.segmentor, num_classes=_base_.num_classes, test_cfg=_base_.test_mode)
parts = dict(parts=_base_.optimizer_parts)
optim_wrapper = dict(constructor='PartwiseConstructor', paramwise_cfg=parts)
data = dict(split='splits/unimatch/1_8', views=_base_.views)
train_dataloader = dict(dataset=data, sampler=dict(labeled=2, unlabeled=2))
