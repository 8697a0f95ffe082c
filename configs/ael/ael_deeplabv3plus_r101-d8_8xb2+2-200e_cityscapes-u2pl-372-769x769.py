_base_ = [
    '../_base_/models/deeplabv3plus_r101-d8_ohem.py',
    '../_base_/datasets/cityscapes_u2pl.py',
    '../_base_/methods/ael.py',
    '../_base_/schedules/sgd_ael.py',
    '../_base_/default_runtime.py',
]
rare = [3, 4, 5, 6, 7, 9, 11, 12, 13, 14, 15, 16, 17, 18]  # walls to signs, terrain, all that moves
own = dict(labeled_mixer=dict(classes=rare), test_cfg=_base_.test_mode)
model = dict(segmentor=_base_.segmentor, num_classes=_base_.num_classes, **own)
train_dataloader = dict(dataset=dict(split='splits/u2pl/372', views=_base_.views))
