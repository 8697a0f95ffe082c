_base_ = [
    '../_base_/models/segformer_b1.py',
    '../_base_/datasets/ade20k.py',
    '../_base_/methods/dual_teacher.py',
    '../_base_/schedules/adamw_dual_teacher.py',
    '../_base_/default_runtime.py',
]
model = dict(segmentor=_base_.segmentor, num_classes=_base_.num_classes, test_cfg=_base_.test_mode)
data = dict(split='splits/unimatch/1_32', views=_base_.views)
train_dataloader = dict(dataset=data, sampler=dict(labeled=4, unlabeled=4))
train_cfg = dict(length=631)
