_base_ = [
    '../_base_/models/deeplabv3plus_r101-d8.py',
    '../_base_/datasets/voc_u2pl.py',
    '../_base_/methods/u2pl.py',
    '../_base_/schedules/sgd_u2pl.py',
    '../_base_/default_runtime.py',
]
warmup = 1 / 80  # the first epoch learns labels alone
own = dict(test_cfg=_base_.test_mode, supervised_until=warmup)
model = dict(segmentor=_base_.segmentor, num_classes=_base_.num_classes, **own)
custom_hooks = [dict(type='MeanTeacherHook', decay=0.99, warmup=True, buffers='keep', begin=warmup)]
data = dict(split='splits/u2pl/1323', views=_base_.views)
train_dataloader = dict(dataset=data, sampler=dict(labeled=4, unlabeled=4))
