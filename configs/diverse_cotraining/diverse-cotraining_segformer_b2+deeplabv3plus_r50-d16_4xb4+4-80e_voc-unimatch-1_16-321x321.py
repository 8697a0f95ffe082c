_base_ = [
    '../_base_/datasets/voc_unimatch.py',
    '../_base_/methods/diverse_cotraining.py',
    '../_base_/schedules/sgd_diverse.py',
    '../_base_/default_runtime.py',
]
networks = ['semiseg_mm::segformer_b2', 'semiseg_mm::deeplabv3plus_r50-d16']
model = dict(segmentor=networks, num_classes=_base_.num_classes, test_cfg=_base_.test_mode)
data = dict(split='splits/unimatch/1_16', views=_base_.views)
train_dataloader = dict(dataset=data, sampler=dict(labeled=4, unlabeled=4))
