_base_ = [
    '../_base_/models/deeplabv3plus_r101-d16.py',
    '../_base_/datasets/cityscapes_reco.py',
    '../_base_/methods/reco.py',
    '../_base_/schedules/sgd_40k_reco.py',
    '../_base_/default_runtime.py',
]
model = dict(segmentor=_base_.segmentor, num_classes=_base_.num_classes, test_cfg=_base_.test_mode)
data = dict(split='splits/unimatch/1_30', views=_base_.views)
# 4 + 4: of the published 2 + 2, BatchNorm would have two images at a time.
train_dataloader = dict(dataset=data, sampler=dict(labeled=4, unlabeled=4))
auto_scale_lr = dict(base_batch_size=8)
