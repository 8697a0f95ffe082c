_base_ = [
    '../_base_/models/unet_s2.py',
    '../_base_/datasets/shapes.py',
    '../_base_/methods/st.py',
    '../_base_/schedules/sgd_1k_shapes_st.py',
    '../_base_/staged_runtime.py',
]
model = dict(segmentor=_base_.segmentor, num_classes=_base_.num_classes)
views = dict(pseudo=[*_base_.strong_views.strong, dict(type='CutOut')])
train_dataloader = dict(dataset=dict(views=views))
stages = [dict(s, **_base_.of_stage.get(s['name'], {})) for s in _base_.stages]
