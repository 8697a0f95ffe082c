_base_ = [
    '../_base_/models/deeplabv3plus_r101-d16.py',
    '../_base_/datasets/voc_pseudo_seg.py',
    '../_base_/methods/pseudo_seg.py',
    '../_base_/schedules/sgd_30k_pseudo_seg.py',
    '../_base_/default_runtime.py',
]
model = dict(segmentor=_base_.segmentor, num_classes=_base_.num_classes, test_cfg=_base_.test_mode)
data = dict(split='splits/unimatch/92', views=_base_.views)
train_dataloader = dict(dataset=data, sampler=dict(labeled=4, unlabeled=4))
