_base_ = [
    '../_base_/datasets/voc_unimatch.py',
    '../_base_/methods/diverse_cotraining.py',
    '../_base_/schedules/sgd_diverse.py',
    '../_base_/default_runtime.py',
]
networks = ['semiseg_mm::segformer_b3', 'semiseg_mm::deeplabv3plus_r101-d16']
model = dict(segmentor=networks, num_classes=_base_.num_classes, test_cfg=_base_.test_mode)
data = dict(split='splits/unimatch/183', views=_base_.views)
train_dataloader = dict(dataset=data, sampler=dict(labeled=4, unlabeled=4))
