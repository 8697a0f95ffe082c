_base_ = [
    '../_base_/models/deeplabv3plus_r50-d16_ohem_100k.py',
    '../_base_/datasets/cityscapes_imas.py',
    '../_base_/methods/imas.py',
    '../_base_/schedules/sgd_imas_cityscapes.py',
    '../_base_/default_runtime.py',
]
own = dict(test_cfg=_base_.test_mode, threshold=0.7)
model = dict(segmentor=_base_.segmentor, num_classes=_base_.num_classes, **own)
train_dataloader = dict(
    dataset=dict(split='splits/u2pl/372', views=_base_.views),
    sampler=dict(labeled=4, unlabeled=4),
)
hook = dict(type='MeanTeacherHook', decay=0.996, warmup=True, buffers='ema', begin=1 / 240)
custom_hooks = [dict(hook, count_all=True)]
