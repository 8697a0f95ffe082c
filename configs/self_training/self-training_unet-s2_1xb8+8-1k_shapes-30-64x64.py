# Each stage trains for 1000 iterations. Labels are made at scales near those of the training.
_base_ = [
    '../_base_/models/unet_s2.py',
    '../_base_/datasets/shapes.py',
    '../_base_/methods/self_training.py',
    '../_base_/schedules/sgd_1k_shapes.py',
    '../_base_/staged_runtime.py',
]
model = dict(segmentor=_base_.segmentor, num_classes=_base_.num_classes)
train_dataloader = dict(dataset=dict(views=_base_.views))
labels = dict(_base_.stages[1], scales=(0.75, 1.0, 1.25), batch_size=8)
stages = [_base_.stages[0], labels, _base_.stages[2]]
