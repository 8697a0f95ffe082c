_base_ = [
    '../_base_/models/deeplabv3plus_r50-d8_dropout.py',
    '../_base_/datasets/cityscapes_st.py',
    '../_base_/methods/st_plus_plus.py',
    '../_base_/schedules/sgd_st_cityscapes.py',
    '../_base_/staged_runtime.py',
]
model = dict(segmentor=_base_.segmentor, num_classes=_base_.num_classes, test_cfg=_base_.test_mode)
data = dict(split='splits/stpp/1_8/split_0', views=_base_.views)
train_dataloader = dict(dataset=data, sampler=_base_.oversampled)
stages = [dict(s, **_base_.of_stage.get(s['name'], {})) for s in _base_.stages]
