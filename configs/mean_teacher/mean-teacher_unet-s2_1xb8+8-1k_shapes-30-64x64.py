_base_ = [
    '../_base_/models/unet_s2.py',
    '../_base_/datasets/shapes.py',
    '../_base_/methods/mean_teacher.py',
    '../_base_/schedules/sgd_1k_shapes.py',
    '../_base_/default_runtime.py',
]
# Noise for the student and a slow start: the network is trained from scratch.
noisy = dict(student_view='strong', covers='unlabeled', weight=20.0, rampup_iters=850)
model = dict(segmentor=_base_.segmentor, num_classes=_base_.num_classes, **noisy)
custom_hooks = [dict(type='MeanTeacherHook', decay=0.98, warmup=True, buffers='ema')]
train_dataloader = dict(dataset=dict(views=_base_.strong_views))
