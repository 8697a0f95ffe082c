_base_ = [
    '../_base_/models/deeplabv3plus_r50-d16.py',
    '../_base_/datasets/voc_dcc.py',
    '../_base_/methods/dcc.py',
    '../_base_/schedules/sgd_dcc.py',
    '../_base_/default_runtime.py',
]
own = dict(test_cfg=_base_.test_mode, supervised_until=5 / 80)  # five epochs
model = dict(segmentor=_base_.segmentor, num_classes=_base_.num_classes, **own)
data = dict(split='splits/unimatch/1_8', views=_base_.views)
places = dict(_base_.sampler_options, labeled=4, unlabeled=8)  # two crops of four images
train_dataloader = dict(dataset=data, sampler=places)
