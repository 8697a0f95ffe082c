_base_ = [
    '../_base_/models/deeplabv3plus_r50-d16_ohem_100k.py',
    '../_base_/datasets/cityscapes_augseg.py',
    '../_base_/methods/augseg.py',
    '../_base_/schedules/sgd_augseg_cityscapes.py',
    '../_base_/default_runtime.py',
]
own = dict(filter=dict(value=0.0), test_cfg=_base_.test_mode)
model = dict(segmentor=_base_.segmentor, num_classes=_base_.num_classes, **own)
data = dict(split='splits/unimatch/1_8', views=_base_.views)
train_dataloader = dict(dataset=data, sampler=dict(labeled=4, unlabeled=4))
hook = dict(
    type='MeanTeacherHook', decay=0.996, warmup=True, buffers='ema', begin=1 / 240, count_all=True
)
custom_hooks = [hook]
