_base_ = [
    '../_base_/models/unet_s2.py',
    '../_base_/datasets/shapes.py',
    '../_base_/methods/imas.py',
    '../_base_/schedules/sgd_1k_shapes.py',
    '../_base_/default_runtime.py',
]
# Shapes' own strong view, a slow start, a faster teacher; all pixels count: the network is trained
# from scratch.
own = dict(rampup_iters=850, threshold=0.0)
model = dict(segmentor=_base_.segmentor, num_classes=_base_.num_classes, **own)
custom_hooks = [dict(type='MeanTeacherHook', decay=0.98, warmup=True, buffers='ema')]
train_dataloader = dict(dataset=dict(views=_base_.strong_views))
