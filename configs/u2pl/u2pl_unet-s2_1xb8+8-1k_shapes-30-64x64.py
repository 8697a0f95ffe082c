_base_ = [
    '../_base_/models/unet_s2.py',
    '../_base_/datasets/shapes.py',
    '../_base_/methods/u2pl.py',
    '../_base_/schedules/sgd_1k_shapes.py',
    '../_base_/default_runtime.py',
]
# Strong colours, a slow start, a faster teacher, a small projector: the network is trained from
# scratch.
small = dict(projector=dict(channels=32, out_channels=32, norm_cfg=dict(type='BN')))
model = dict(segmentor=_base_.segmentor, num_classes=_base_.num_classes, rampup_iters=850, **small)
custom_hooks = [dict(type='MeanTeacherHook', decay=0.98, warmup=True, buffers='keep')]
train_dataloader = dict(dataset=dict(views=_base_.strong_views))
