_base_ = [
    '../_base_/models/unet_s2.py',
    '../_base_/datasets/shapes.py',
    '../_base_/methods/pixcon.py',
    '../_base_/schedules/sgd_1k_shapes.py',
    '../_base_/default_runtime.py',
]
# As UniMatch V2 on Shapes; a small projector.
own = dict(supervised_weight=1.0, weight=1.0, rampup_iters=850, filter=dict(value=0.0))
own['projector'] = dict(channels=32, out_channels=32, norm_cfg=dict(type='BN'))
model = dict(segmentor=_base_.segmentor, num_classes=_base_.num_classes, **own)
custom_hooks = [dict(type='MeanTeacherHook', decay=0.98, warmup=True, buffers='ema')]
strong = _base_.strong_views.strong
train_dataloader = dict(dataset=dict(views=dict(weak=[], strong1=strong, strong2=strong)))
