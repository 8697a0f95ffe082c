_base_ = [
    '../_base_/models/deeplabv3plus_r101-d16.py',
    '../_base_/datasets/voc.py',
    '../_base_/methods/mean_teacher.py',
    '../_base_/schedules/sgd_20k_voc.py',
    '../_base_/default_runtime.py',
]
model = dict(segmentor=_base_.segmentor, num_classes=_base_.num_classes, test_cfg=_base_.test_mode)
train_dataloader = dict(dataset=dict(split='splits/blended_cps/1_8', views=_base_.views))
