_base_ = [
    '../_base_/models/unet_s2.py',
    '../_base_/datasets/shapes.py',
    '../_base_/methods/s4gan.py',
    '../_base_/schedules/sgd_1k_shapes.py',
    '../_base_/default_runtime.py',
]
# A small discriminator beside a small network.
own = dict(discriminator=dict(channels=(16, 32, 64, 128)))
model = dict(segmentor=_base_.segmentor, num_classes=_base_.num_classes, **own)
parts = dict(parts=_base_.optimizer_parts)
optim_wrapper = dict(constructor='PartwiseConstructor', paramwise_cfg=parts)
train_dataloader = dict(dataset=dict(views=_base_.views))
