_base_ = [
    '../_base_/models/unet_s2.py',
    '../_base_/datasets/shapes.py',
    '../_base_/methods/ecs.py',
    '../_base_/schedules/sgd_1k_shapes.py',
    '../_base_/default_runtime.py',
]
# A small corrector beside a small network; it has few iterations, so a larger rate.
own = dict(corrector=dict(channels=(16, 32, 64, 64)))
model = dict(segmentor=_base_.segmentor, num_classes=_base_.num_classes, **own)
parts = dict(parts=_base_.optimizer_parts)
parts['parts']['corrector']['lr'] = 1e-3
optim_wrapper = dict(constructor='PartwiseConstructor', paramwise_cfg=parts)
train_dataloader = dict(dataset=dict(views=_base_.views))
