# Two trainings of 1000 iterations, then ten of 200 with half of the rate.
_base_ = [
    '../_base_/models/unet_s2.py',
    '../_base_/datasets/shapes.py',
    '../_base_/methods/dmt.py',
    '../_base_/schedules/sgd_1k_shapes.py',
    '../_base_/staged_runtime.py',
]
model = dict(segmentor=_base_.segmentor, num_classes=_base_.num_classes)
train_dataloader = dict(dataset=dict(views=_base_.views))
optim_wrapper = dict(optimizer=dict(lr=0.1))
train_cfg = dict(max_iters=200, val_interval=200)
rate = dict(optimizer=dict(lr=0.2))
first = dict(train_cfg=dict(max_iters=1000, val_interval=500), optim_wrapper=rate)
stages = [dict(s, cfg=first) if 'sup_only' in s else s for s in _base_.stages]
