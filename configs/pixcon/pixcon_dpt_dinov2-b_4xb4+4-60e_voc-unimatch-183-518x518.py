_base_ = [
    '../_base_/models/dpt_dinov2-b.py',
    '../_base_/datasets/voc_unimatch_v2.py',
    '../_base_/methods/pixcon.py',
    '../_base_/schedules/adamw_vit.py',
    '../_base_/default_runtime.py',
]
model = dict(segmentor=_base_.segmentor, num_classes=_base_.num_classes, test_cfg=_base_.test_mode)
data = dict(split='splits/unimatch/183', views=_base_.views)
train_dataloader = dict(dataset=data, sampler=dict(labeled=4, unlabeled=4))
