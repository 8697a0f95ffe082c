_base_ = [
    '../_base_/models/unet_s2.py',
    '../_base_/datasets/shapes.py',
    '../_base_/methods/s4mc.py',
    '../_base_/schedules/sgd_1k_shapes.py',
    '../_base_/default_runtime.py',
]
# From scratch: a slow start, the loss is not halved.
own = dict(supervised_weight=1.0, weight=1.0, rampup_iters=850)
model = dict(segmentor=_base_.segmentor, num_classes=_base_.num_classes, **own)
strong = _base_.strong_views.strong
train_dataloader = dict(dataset=dict(views=dict(weak=[], strong1=strong, strong2=strong)))
