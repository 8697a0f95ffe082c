_base_ = [
    '../_base_/models/unet_s2.py',
    '../_base_/datasets/shapes.py',
    '../_base_/methods/cct.py',
    '../_base_/schedules/sgd_1k_shapes.py',
    '../_base_/default_runtime.py',
]
# Two decoders of each kind, a smaller weight that rises slowly: the network starts from scratch.
own = dict(decoders=dict(drop=2, active=2, noise=2, cut_out=2), weight=5.0, rampup=0.85)
model = dict(segmentor=_base_.segmentor, num_classes=_base_.num_classes, **own)
train_dataloader = dict(dataset=dict(views=_base_.views))
