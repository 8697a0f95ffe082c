_base_ = [
    '../_base_/models/unet_s2.py',
    '../_base_/datasets/shapes.py',
    '../_base_/methods/dual_teacher.py',
    '../_base_/schedules/sgd_1k_shapes.py',
    '../_base_/default_runtime.py',
]
# Ten turns, weights that rise, a faster teacher; all pixels count: it is trained from scratch.
lessons = [dict(lesson, filter=None) for lesson in _base_.lessons]
own = dict(turns=10, lessons=lessons, filter=None, rampup_iters=850)
model = dict(segmentor=_base_.segmentor, num_classes=_base_.num_classes, **own)
own = dict(decay=0.98, warmup=True, buffers='keep', turns=10)
custom_hooks = [dict(type='MeanTeacherHook', **own)]
train_dataloader = dict(dataset=dict(views=_base_.strong_views))
