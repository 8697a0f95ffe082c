_base_ = [
    '../_base_/models/deeplabv3plus_r50-d16.py',
    '../_base_/datasets/cityscapes_dcc.py',
    '../_base_/methods/dcc.py',
    '../_base_/schedules/sgd_dcc_cityscapes.py',
    '../_base_/default_runtime.py',
]
bank = dict(negatives=16200, remembered=0)
own = dict(test_cfg=_base_.test_mode, supervised_until=5 / 80, contrast=bank)
model = dict(segmentor=_base_.segmentor, num_classes=_base_.num_classes, **own)
data = dict(split='splits/unimatch/1_8', views=_base_.views)
places = dict(_base_.sampler_options, labeled=2, unlabeled=4)  # two crops of two images
train_dataloader = dict(dataset=data, sampler=places)
