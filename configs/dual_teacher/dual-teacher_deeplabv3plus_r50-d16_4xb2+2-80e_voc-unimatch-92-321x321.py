_base_ = [
    '../_base_/models/deeplabv3plus_r50-d16.py',
    '../_base_/datasets/voc_unimatch.py',
    '../_base_/methods/dual_teacher.py',
    '../_base_/schedules/sgd_unimatch.py',
    '../_base_/default_runtime.py',
]
turns = 80  # a turn is an epoch
own = dict(test_cfg=_base_.test_mode, turns=turns)
model = dict(segmentor=_base_.segmentor, num_classes=_base_.num_classes, **own)
hook = dict(type='MeanTeacherHook', decay=0.99, warmup=True, buffers='keep', turns=turns)
custom_hooks = [hook]
train_dataloader = dict(dataset=dict(split='splits/unimatch/92', views=_base_.views))
