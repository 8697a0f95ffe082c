_base_ = [
    '../_base_/datasets/cityscapes_diverse.py',
    '../_base_/methods/diverse_cotraining.py',
    '../_base_/schedules/sgd_unimatch_cityscapes.py',
    '../_base_/default_runtime.py',
]
networks = ['semiseg_mm::segformer_b2_ohem', 'semiseg_mm::deeplabv3plus_r50-d8_ohem']
model = dict(segmentor=networks, num_classes=_base_.num_classes, test_cfg=_base_.test_mode)
data = dict(split='splits/unimatch/1_8', views=_base_.views)
train_dataloader = dict(dataset=data)
