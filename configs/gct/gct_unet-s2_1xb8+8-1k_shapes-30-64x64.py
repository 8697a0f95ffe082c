_base_ = [
    '../_base_/models/unet_s2.py',
    '../_base_/datasets/shapes.py',
    '../_base_/methods/gct.py',
    '../_base_/schedules/sgd_1k_shapes.py',
    '../_base_/default_runtime.py',
]
# A slow start, and a small detector that sees 7 x 7 places: networks and images are small.
layers = dict(channels=(16, 32, 32, 64), strides=(2, 2, 1, 1), norm_cfg=dict(type='BN'))
own = dict(detector=layers, rampup=0.85)
model = dict(segmentor=_base_.segmentor, num_classes=_base_.num_classes, **own)
parts = dict(parts=_base_.optimizer_parts)
optim_wrapper = dict(constructor='PartwiseConstructor', paramwise_cfg=parts)
train_dataloader = dict(dataset=dict(views=_base_.views))
