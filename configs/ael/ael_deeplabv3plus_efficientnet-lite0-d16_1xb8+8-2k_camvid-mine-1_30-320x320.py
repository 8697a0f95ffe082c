_base_ = [
    '../_base_/models/deeplabv3plus_efficientnet-lite0-d16_camvid.py',
    '../_base_/datasets/camvid.py',
    '../_base_/methods/ael.py',
    '../_base_/schedules/adamw_camvid.py',
    '../_base_/default_runtime.py',
]
# Shorter memories; pole, sign, fence, car, pedestrian and bicyclist are pasted.
rare = dict(labeled_mixer=dict(classes=[2, 6, 7, 8, 9, 10]), class_confidence=dict(momentum=0.99))
own = dict(rampup_iters=_base_.rampup, test_cfg=_base_.test_mode, **rare)
model = dict(segmentor=_base_.segmentor, num_classes=_base_.num_classes, **own)
custom_hooks = [dict(type='MeanTeacherHook', decay=_base_.decay, warmup=True, buffers='keep')]
dataset = dict(split='splits/mine/1_30', views=_base_.strong_views)
train_dataloader = dict(dataset=dataset, sampler=dict(labeled=8, unlabeled=8))
