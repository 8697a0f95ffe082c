_base_ = [
    '../_base_/models/dpt_dinov2-s.py',
    '../_base_/datasets/voc_unimatch_v2.py',
    '../_base_/methods/sup_only.py',
    '../_base_/schedules/adamw_vit_sup_only.py',
    '../_base_/default_runtime.py',
]
model = dict(segmentor=_base_.segmentor, num_classes=_base_.num_classes, test_cfg=_base_.test_mode)
data = dict(split='splits/unimatch/92', views=_base_.views)
sampler = dict(labeled=8, unlabeled=0, labeled_only=True)
train_dataloader = dict(dataset=data, sampler=sampler)
