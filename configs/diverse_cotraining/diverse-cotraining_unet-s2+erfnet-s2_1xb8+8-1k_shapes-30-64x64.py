_base_ = [
    '../_base_/datasets/shapes.py',
    '../_base_/methods/diverse_cotraining.py',
    '../_base_/schedules/sgd_1k_shapes.py',
    '../_base_/default_runtime.py',
]
# Weights are not halved and the unsupervised one rises: the networks are trained from scratch.
networks = ['semiseg_mm::unet_s2', 'semiseg_mm::erfnet_s2']
own = dict(weight=1.0, supervised_weight=1.0, rampup_iters=300)
model = dict(segmentor=networks, num_classes=_base_.num_classes, **own)
strong = _base_.strong_views['strong']
train_dataloader = dict(dataset=dict(views=dict(weak=[], strong1=strong, strong2=strong)))
