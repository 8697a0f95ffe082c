# Reconstruction, unverified.
_base_ = [
    '../_base_/models/deeplabv3plus_wrn38-d8.py',
    '../_base_/datasets/camvid.py',
    '../_base_/methods/self_training_finetune.py',
    '../_base_/schedules/sgd_4k_finetune.py',
    '../_base_/staged_runtime.py',
]
model = dict(segmentor=_base_.segmentor, num_classes=_base_.num_classes, test_cfg=_base_.test_mode)
train_dataloader = dict(dataset=dict(views=_base_.views))
pretrained = 'self-training-x50-centroid_deeplabv3plus_wrn38-d8_8xb2+2-33k_cityscapes-extra-800x800'
load_from = f'work_dirs/{pretrained}/03_student/iter_33000.pth'
