_base_ = [
    '../_base_/models/deeplabv3plus_r101-d8.py',
    '../_base_/datasets/voc_unimatch.py',
    '../_base_/methods/corrmatch.py',
    '../_base_/schedules/sgd_corrmatch.py',
    '../_base_/default_runtime.py',
]
model = dict(segmentor=_base_.segmentor, num_classes=_base_.num_classes, test_cfg=_base_.test_mode)
data = dict(split='splits/unimatch/366', views=_base_.views)
train_dataloader = dict(dataset=data, sampler=dict(labeled=4, unlabeled=4))
