_base_ = [
    '../_base_/models/unet_s2.py',
    '../_base_/datasets/shapes.py',
    '../_base_/methods/ict.py',
    '../_base_/schedules/sgd_1k_shapes.py',
    '../_base_/default_runtime.py',
]
# Strong colours, a slow start, a faster teacher: the network is trained from scratch.
model = dict(segmentor=_base_.segmentor, num_classes=_base_.num_classes, rampup_iters=300)
custom_hooks = [dict(type='MeanTeacherHook', decay=0.98, warmup=False, buffers='ema')]
train_dataloader = dict(dataset=dict(views=_base_.strong_views))
