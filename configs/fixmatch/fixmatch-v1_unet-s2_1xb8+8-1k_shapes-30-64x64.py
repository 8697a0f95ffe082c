_base_ = [
    '../_base_/models/unet_s2.py',
    '../_base_/datasets/shapes.py',
    '../_base_/methods/fixmatch_v1.py',
    '../_base_/schedules/sgd_1k_shapes.py',
    '../_base_/default_runtime.py',
]
# A slow start: the network is trained from scratch.
model = dict(segmentor=_base_.segmentor, num_classes=_base_.num_classes, rampup_iters=300)
train_dataloader = dict(dataset=dict(views=_base_.strong_views))
