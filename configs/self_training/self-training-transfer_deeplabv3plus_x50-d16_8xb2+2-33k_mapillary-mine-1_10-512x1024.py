# Reconstruction, unverified. Other classes than the source has.
_base_ = [
    '../_base_/models/deeplabv3plus_x50-d16.py',
    '../_base_/datasets/mapillary.py',
    '../_base_/methods/self_training_transfer.py',
    '../_base_/schedules/sgd_33k_self_training.py',
    '../_base_/staged_runtime.py',
]
model = dict(segmentor=_base_.segmentor, num_classes=_base_.num_classes, test_cfg=_base_.test_mode)
train_dataloader = dict(dataset=dict(split='splits/mine/1_10', views=_base_.views))
