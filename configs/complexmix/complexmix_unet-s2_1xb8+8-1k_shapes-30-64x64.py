_base_ = [
    '../_base_/models/unet_s2.py',
    '../_base_/datasets/shapes.py',
    '../_base_/methods/complexmix.py',
    '../_base_/schedules/sgd_1k_shapes.py',
    '../_base_/default_runtime.py',
]
own = dict(num_classes=_base_.num_classes, **_base_.scratch)
model = dict(segmentor=_base_.segmentor, **own)
custom_hooks = [_base_.faster]
train_dataloader = dict(dataset=dict(views=_base_.views))
