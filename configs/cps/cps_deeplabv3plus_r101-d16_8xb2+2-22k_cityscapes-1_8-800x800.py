_base_ = [
    '../_base_/models/deeplabv3plus_r101-d16_ohem.py',
    '../_base_/datasets/cityscapes.py',
    '../_base_/methods/cps.py',
    '../_base_/schedules/sgd_22k_cityscapes.py',
    '../_base_/default_runtime.py',
]
model = dict(
    segmentor=_base_.segmentor,
    num_classes=_base_.num_classes,
    test_cfg=_base_.test_mode,
    weight=6.0,
)
train_dataloader = dict(dataset=dict(split='splits/cps/1_8', views=_base_.views))
