_base_ = [
    '../_base_/models/deeplabv3plus_r101-d16.py',
    '../_base_/datasets/voc_imas.py',
    '../_base_/methods/imas.py',
    '../_base_/schedules/sgd_imas.py',
    '../_base_/default_runtime.py',
]
own = dict(test_cfg=_base_.test_mode)
model = dict(segmentor=_base_.segmentor, num_classes=_base_.num_classes, **own)
train_dataloader = dict(
    dataset=dict(split='splits/unimatch/1_8', views=_base_.views),
    sampler=dict(labeled=4, unlabeled=4),
)
hook = dict(type='MeanTeacherHook', decay=0.996, warmup=True, buffers='ema', begin=1 / 80)
custom_hooks = [dict(hook, count_all=True)]
