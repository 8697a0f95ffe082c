_base_ = [
    '../_base_/models/pspnet_r50-d8_shuffle.py',
    '../_base_/datasets/voc_cct.py',
    '../_base_/methods/cct.py',
    '../_base_/schedules/sgd_cct.py',
    '../_base_/default_runtime.py',
]
model = dict(segmentor=_base_.segmentor, num_classes=_base_.num_classes, test_cfg=_base_.test_mode)
data = dict(split='splits/unimatch/1464', views=_base_.views)
train_dataloader = dict(dataset=data, sampler=dict(labeled=10, unlabeled=10))
