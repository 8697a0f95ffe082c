_base_ = [
    '../_base_/models/unet_s2.py',
    '../_base_/datasets/shapes.py',
    '../_base_/methods/augseg.py',
    '../_base_/schedules/sgd_1k_shapes.py',
    '../_base_/default_runtime.py',
]
# All pixels count, a slow start, a faster teacher: the network is trained from scratch.
all_pixels = dict(filter=dict(value=0.0), rampup_iters=850)
model = dict(segmentor=_base_.segmentor, num_classes=_base_.num_classes, **all_pixels)
hook = dict(
    type='MeanTeacherHook', decay=0.98, warmup=True, buffers='ema', begin=1 / 80, count_all=True
)
custom_hooks = [hook]
train_dataloader = dict(dataset=dict(views=_base_.views))
