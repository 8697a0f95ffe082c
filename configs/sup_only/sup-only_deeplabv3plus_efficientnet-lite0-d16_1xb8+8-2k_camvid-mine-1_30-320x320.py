_base_ = [
    '../_base_/models/deeplabv3plus_efficientnet-lite0-d16_camvid.py',
    '../_base_/datasets/camvid.py',
    '../_base_/methods/sup_only.py',
    '../_base_/schedules/adamw_camvid.py',
    '../_base_/default_runtime.py',
]
model = dict(segmentor=_base_.segmentor, num_classes=_base_.num_classes, test_cfg=_base_.test_mode)
sampler = dict(labeled=8, unlabeled=8, labeled_only=True)
dataset = dict(split='splits/mine/1_30', views=_base_.views)
train_dataloader = dict(dataset=dataset, sampler=sampler)
auto_scale_lr = dict(base_batch_size=8)  # the labeled part
