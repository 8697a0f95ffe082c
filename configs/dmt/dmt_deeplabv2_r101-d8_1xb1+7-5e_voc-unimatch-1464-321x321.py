_base_ = [
    '../_base_/models/deeplabv2_r101-d8.py',
    '../_base_/datasets/voc_dmt.py',
    '../_base_/methods/dmt.py',
    '../_base_/schedules/sgd_dmt.py',
    '../_base_/staged_runtime.py',
]
own = dict(test_cfg=_base_.test_mode)
model = dict(segmentor=_base_.segmentor, num_classes=_base_.num_classes, **own)
data = dict(split='splits/unimatch/1464', views=_base_.views)
train_dataloader = dict(dataset=data, sampler=dict(labeled=1, unlabeled=7))
stages = [dict(s, cfg=_base_.of_first) if 'sup_only' in s else s for s in _base_.stages]
