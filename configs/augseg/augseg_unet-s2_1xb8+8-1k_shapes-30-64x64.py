_base_ = [
    '../_base_/models/unet_s2.py',
    '../_base_/datasets/shapes.py',
    '../_base_/methods/augseg.py',
    '../_base_/schedules/sgd_1k_shapes.py',
    '../_base_/default_runtime.py',
]
# All pixels count, a slow start, a faster teacher: the network is trained from scratch. No blur,
# which would wipe out the textures.
ops = 'identity autocontrast equalize contrast brightness color sharpness posterize solarize hue'
views = dict(weak=[], strong=[dict(type='RandomOps', ops=ops.split())])
own = dict(filter=dict(value=0.0), rampup_iters=850)
model = dict(segmentor=_base_.segmentor, num_classes=_base_.num_classes, **own)
hook = dict(type='MeanTeacherHook', decay=0.98, warmup=True, buffers='ema', begin=1 / 80)
custom_hooks = [hook]
train_dataloader = dict(dataset=dict(views=views))
