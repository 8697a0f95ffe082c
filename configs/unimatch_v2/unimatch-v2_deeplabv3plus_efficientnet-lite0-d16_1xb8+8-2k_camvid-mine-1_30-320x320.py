_base_ = [
    '../_base_/models/deeplabv3plus_efficientnet-lite0-d16_camvid.py',
    '../_base_/datasets/camvid.py',
    '../_base_/methods/unimatch_v2.py',
    '../_base_/schedules/adamw_camvid.py',
    '../_base_/default_runtime.py',
]
model = dict(segmentor=_base_.segmentor, num_classes=_base_.num_classes, test_cfg=_base_.test_mode)
custom_hooks = [dict(type='MeanTeacherHook', decay=_base_.decay, warmup=True, buffers='ema')]
strong = _base_.strong_views.strong
dataset = dict(split='splits/mine/1_30', views=dict(weak=[], strong1=strong, strong2=strong))
train_dataloader = dict(dataset=dataset, sampler=dict(labeled=8, unlabeled=8))
