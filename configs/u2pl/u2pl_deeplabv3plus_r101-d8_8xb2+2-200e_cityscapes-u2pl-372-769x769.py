_base_ = [
    '../_base_/models/deeplabv3plus_r101-d8_ohem.py',
    '../_base_/datasets/cityscapes_u2pl.py',
    '../_base_/methods/u2pl.py',
    '../_base_/schedules/sgd_u2pl_cityscapes.py',
    '../_base_/default_runtime.py',
]
model = dict(segmentor=_base_.segmentor, num_classes=_base_.num_classes, test_cfg=_base_.test_mode)
train_dataloader = dict(dataset=dict(split='splits/u2pl/372', views=_base_.views))
