_base_ = [
    '../_base_/models/deeplabv2_r101-d16.py',
    '../_base_/datasets/voc_pixelssl.py',
    '../_base_/methods/gct.py',
    '../_base_/schedules/sgd_gct.py',
    '../_base_/default_runtime.py',
]
net = dict(segmentor=_base_.segmentor, num_classes=_base_.num_classes, test_cfg=_base_.test_mode)
model = dict(rampup=0.1, **net)  # 3 of 30 epochs
parts = dict(parts=_base_.optimizer_parts)
optim_wrapper = dict(constructor='PartwiseConstructor', paramwise_cfg=parts)
train_cfg = dict(epochs=30)
data = dict(split='splits/unimatch/1_4', views=_base_.views)
train_dataloader = dict(dataset=data, sampler=dict(labeled=2, unlabeled=2))
