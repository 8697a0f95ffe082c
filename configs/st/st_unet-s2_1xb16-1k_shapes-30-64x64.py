_base_ = [
    '../_base_/models/unet_s2.py',
    '../_base_/datasets/shapes.py',
    '../_base_/methods/st.py',
    '../_base_/schedules/sgd_1k_shapes.py',
    '../_base_/staged_runtime.py',
]
model = dict(segmentor=_base_.segmentor, num_classes=_base_.num_classes)
sampler = dict(_delete_=True, type='LabeledOversampleSampler', batch_size=16)
student = dict(train_dataloader=dict(sampler=sampler))
stages = [dict(s, cfg=student) if s.get('labels') else s for s in _base_.stages]
views = dict(pseudo=[*_base_.strong_views.strong, dict(type='CutOut')])
train_dataloader = dict(dataset=dict(views=views))
