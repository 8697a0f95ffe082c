_base_ = [
    '../_base_/models/unet_s2.py',
    '../_base_/datasets/shapes.py',
    '../_base_/methods/unimatch_v2.py',
    '../_base_/schedules/sgd_1k_shapes.py',
    '../_base_/default_runtime.py',
]
# From scratch, hard classes vanish: no threshold, slow start, faster teacher; lr undoes loss / 2.
slow = dict(filter=dict(value=0), rampup_iters=850)
model = dict(segmentor=_base_.segmentor, num_classes=_base_.num_classes, **slow)
optim_wrapper = dict(optimizer=dict(lr=0.4, weight_decay=2.5e-4))
custom_hooks = [dict(type='MeanTeacherHook', decay=0.98, warmup=True, buffers='ema')]
strong = _base_.strong_views.strong
train_dataloader = dict(dataset=dict(views=dict(weak=[], strong1=strong, strong2=strong)))
