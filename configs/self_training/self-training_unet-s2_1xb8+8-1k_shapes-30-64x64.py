_base_ = [
    '../_base_/models/unet_s2.py',
    '../_base_/datasets/shapes.py',
    '../_base_/methods/self_training.py',
    '../_base_/schedules/sgd_1k_shapes.py',
    '../_base_/staged_runtime.py',
]
model = dict(segmentor=_base_.segmentor, num_classes=_base_.num_classes)
train_dataloader = dict(dataset=dict(views=_base_.views))
