_base_ = [
    '../_base_/models/deeplabv3plus_efficientnet-lite0-d16_camvid.py',
    '../_base_/datasets/camvid.py',
    '../_base_/methods/st_plus_plus.py',
    '../_base_/schedules/adamw_camvid.py',
    '../_base_/schedules/stages_16.py',
    '../_base_/staged_runtime.py',
]
model = dict(segmentor=_base_.segmentor, num_classes=_base_.num_classes, test_cfg=_base_.test_mode)
views = dict(pseudo=[*_base_.strong_views.strong, dict(type='CutOut')])
dataset = dict(split='splits/mine/1_30', views=views)
train_dataloader = dict(dataset=dataset, sampler=dict(labeled=8, unlabeled=8))
stages = [dict(s, **_base_.of_stage.get(s['name'], {})) for s in _base_.stages]
