_base_ = [
    '../_base_/models/deeplabv3plus_r101-d8_ohem.py',
    '../_base_/datasets/voc_u2pl.py',
    '../_base_/methods/ael.py',
    '../_base_/schedules/sgd_ael_voc.py',
    '../_base_/default_runtime.py',
]
own = dict(filter=dict(type='Threshold', value=0.7), test_cfg=_base_.test_mode)
own['mixer'] = dict(area=0.03, present=0.03)
own['labeled_mixer'] = dict(count=1, classes=list(range(1, 21)))
model = dict(segmentor=_base_.segmentor, num_classes=_base_.num_classes, **own)
train_dataloader = dict(dataset=dict(split='splits/unimatch/1_4', views=_base_.views))
