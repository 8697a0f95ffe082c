_base_ = [
    '../_base_/models/dpt_dinov2-b_ohem_200k.py',
    '../_base_/datasets/cityscapes_unimatch_v2.py',
    '../_base_/methods/pixcon.py',
    '../_base_/schedules/adamw_vit_cityscapes.py',
    '../_base_/default_runtime.py',
]
model = dict(segmentor=_base_.segmentor, num_classes=_base_.num_classes, test_cfg=_base_.test_mode)
train_dataloader = dict(dataset=dict(split='splits/unimatch/1_8', views=_base_.views))
