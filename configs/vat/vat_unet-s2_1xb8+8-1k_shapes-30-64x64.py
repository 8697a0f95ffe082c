_base_ = [
    '../_base_/models/unet_s2.py',
    '../_base_/datasets/shapes.py',
    '../_base_/methods/vat.py',
    '../_base_/schedules/sgd_1k_shapes.py',
    '../_base_/default_runtime.py',
]
# Strong colours, half the radius, all pixels, a larger weight that rises slowly, a faster teacher:
# the network is trained from scratch.
own = dict(radius=0.5, filter=None, weight=1.0, rampup_iters=850)
model = dict(segmentor=_base_.segmentor, num_classes=_base_.num_classes, **own)
custom_hooks = [dict(type='MeanTeacherHook', decay=0.98, warmup=False, buffers='ema')]
train_dataloader = dict(dataset=dict(views=_base_.strong_views))
