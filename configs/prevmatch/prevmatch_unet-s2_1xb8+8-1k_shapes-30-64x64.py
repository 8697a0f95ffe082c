_base_ = [
    '../_base_/models/unet_s2.py',
    '../_base_/datasets/shapes.py',
    '../_base_/methods/prevmatch.py',
    '../_base_/schedules/sgd_1k_shapes.py',
    '../_base_/default_runtime.py',
]
# From scratch: a slow start, the loss is not halved, all pixels count (as on Cityscapes).
own = dict(supervised_weight=1.0, weight=0.5, dropped_weight=0.5, rampup_iters=850)
plain = dict(filter=dict(value=0.0), previous_filter=dict(value=0.0))
model = dict(segmentor=_base_.segmentor, num_classes=_base_.num_classes, **own, **plain)
strong = _base_.strong_views.strong
train_dataloader = dict(dataset=dict(views=dict(weak=[], strong1=strong, strong2=strong)))
