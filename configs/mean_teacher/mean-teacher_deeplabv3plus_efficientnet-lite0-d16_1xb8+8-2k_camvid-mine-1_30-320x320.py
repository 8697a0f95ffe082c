_base_ = [
    '../_base_/models/deeplabv3plus_efficientnet-lite0-d16_camvid.py',
    '../_base_/datasets/camvid.py',
    '../_base_/methods/mean_teacher.py',
    '../_base_/schedules/adamw_camvid.py',
    '../_base_/default_runtime.py',
]
# Noise for the student, and a slow start, as on Shapes.
noisy = dict(student_view='strong', covers='unlabeled', weight=20.0, rampup_iters=_base_.rampup)
own = dict(test_cfg=_base_.test_mode, **noisy)
model = dict(segmentor=_base_.segmentor, num_classes=_base_.num_classes, **own)
custom_hooks = [dict(type='MeanTeacherHook', decay=_base_.decay, warmup=True, buffers='ema')]
dataset = dict(split='splits/mine/1_30', views=_base_.strong_views)
train_dataloader = dict(dataset=dataset, sampler=dict(labeled=8, unlabeled=8))
