_base_ = [
    '../_base_/models/deeplabv3plus_r50-d16.py',
    '../_base_/datasets/voc_unimatch.py',
    '../_base_/methods/prevmatch.py',
    '../_base_/schedules/sgd_unimatch.py',
    '../_base_/default_runtime.py',
]
model = dict(segmentor=_base_.segmentor, num_classes=_base_.num_classes, test_cfg=_base_.test_mode)
train_dataloader = dict(
    dataset=dict(split='splits/unimatch/366', views=_base_.views),
    sampler=dict(labeled=8, unlabeled=8),
)
