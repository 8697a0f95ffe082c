_base_ = [
    '../_base_/models/unet_s2.py',
    '../_base_/datasets/shapes.py',
    '../_base_/methods/pseudo_seg.py',
    '../_base_/schedules/sgd_1k_shapes.py',
    '../_base_/default_runtime.py',
]
# All strong colours, a slow start: the network is trained from scratch.
own = dict(rampup_iters=850, cam=dict(norm_cfg=dict(type='BN')))
model = dict(segmentor=_base_.segmentor, num_classes=_base_.num_classes, **own)
train_dataloader = dict(dataset=dict(views=_base_.strong_views))
