_base_ = [
    '../_base_/models/deeplabv2_r101-d8.py',
    '../_base_/datasets/gta_cityscapes.py',
    '../_base_/methods/dacs.py',
    '../_base_/schedules/sgd_250k_dacs.py',
    '../_base_/default_runtime.py',
]
model = dict(segmentor=_base_.segmentor, num_classes=_base_.num_classes, test_cfg=_base_.test_mode)
data = dict(views=_base_.views)
train_dataloader = dict(dataset=data, sampler=dict(labeled=2, unlabeled=2))
