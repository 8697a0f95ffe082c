_base_ = [
    '../_base_/models/deeplabv3plus_r50-d16_ohem_200k.py',
    '../_base_/datasets/cityscapes_unimatch.py',
    '../_base_/methods/prevmatch.py',
    '../_base_/schedules/sgd_unimatch_cityscapes.py',
    '../_base_/default_runtime.py',
]
dataset = dict(num_classes=_base_.num_classes, test_cfg=_base_.test_mode)
second = dict(previous_filter=dict(_delete_=True, type='MeanConfidence'), previous_weight=4.0)
model = dict(segmentor=_base_.segmentor, filter=dict(value=0), **second, **dataset)
data = dict(split='splits/unimatch/1_8', views=_base_.views)
train_dataloader = dict(dataset=data, sampler=dict(labeled=4, unlabeled=4))
