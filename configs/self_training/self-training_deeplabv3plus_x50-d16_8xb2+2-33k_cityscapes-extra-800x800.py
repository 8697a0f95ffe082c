# Reconstruction, unverified. Real to pseudo 1 to 1: 1.5k + 1.5k.
_base_ = [
    '../_base_/models/deeplabv3plus_x50-d16.py',
    '../_base_/datasets/cityscapes_extra.py',
    '../_base_/methods/self_training.py',
    '../_base_/schedules/sgd_33k_self_training.py',
    '../_base_/staged_runtime.py',
]
model = dict(segmentor=_base_.segmentor, num_classes=_base_.num_classes, test_cfg=_base_.test_mode)
train_dataloader = dict(dataset=dict(views=_base_.views))
