# 1323 labeled, 9259 unlabeled images
_base_ = [
    '../_base_/models/deeplabv3plus_r50-d8.py',
    '../_base_/datasets/voc_st.py',
    '../_base_/methods/st.py',
    '../_base_/schedules/sgd_st.py',
    '../_base_/staged_runtime.py',
]
model = dict(segmentor=_base_.segmentor, num_classes=_base_.num_classes, test_cfg=_base_.test_mode)
data = dict(split='splits/stpp/1_8/split_0', views=_base_.views)
train_dataloader = dict(dataset=data, sampler=dict(labeled=4, unlabeled=0))
of_stage = _base_.of_stage['voc/1_8']
stages = [dict(s, **of_stage.get(s['name'], {})) for s in _base_.stages]
train_cfg = of_stage.student.cfg.train_cfg
