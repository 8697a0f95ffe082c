_base_ = [
    '../_base_/models/unet_s2.py',
    '../_base_/datasets/shapes.py',
    '../_base_/methods/corrmatch.py',
    '../_base_/schedules/sgd_1k_shapes.py',
    '../_base_/default_runtime.py',
]
# From scratch: a slow start, the loss is not halved. A small correlation of 16 x 16 places.
own = dict(supervised_weight=0.5, weight=0.25, dropped_weight=0.25, rampup_iters=850)
also = dict(consistency_weight=0.25, correlation_weight=0.25)
small = dict(in_index=1, channels=32, norm_cfg=dict(type='BN'))
model = dict(segmentor=_base_.segmentor, num_classes=_base_.num_classes, **own, **also)
model.update(correlation=small)
train_dataloader = dict(dataset=dict(views=_base_.strong_views))
