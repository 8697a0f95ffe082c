_base_ = [
    '../_base_/models/unet_s2.py',
    '../_base_/datasets/shapes.py',
    '../_base_/methods/fixmatch.py',
    '../_base_/schedules/sgd_1k_shapes.py',
    '../_base_/default_runtime.py',
]
# From scratch: a slow start, a faster teacher, the loss is not halved, all pixels count.
own = dict(supervised_weight=1.0, weight=1.0, rampup_iters=850, filter=dict(value=0.0))
model = dict(segmentor=_base_.segmentor, num_classes=_base_.num_classes, **own)
custom_hooks = [dict(type='MeanTeacherHook', decay=0.98, warmup=True, buffers='ema')]
train_dataloader = dict(dataset=dict(views=_base_.strong_views))
