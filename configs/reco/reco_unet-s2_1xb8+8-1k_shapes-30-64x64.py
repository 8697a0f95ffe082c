_base_ = [
    '../_base_/models/unet_s2.py',
    '../_base_/datasets/shapes.py',
    '../_base_/methods/reco.py',
    '../_base_/schedules/sgd_1k_shapes.py',
    '../_base_/default_runtime.py',
]
# Strong colours, a slow start, a faster teacher, few channels and pairs: from scratch, on a CPU.
own = dict(rampup_iters=850, contrast=dict(queries=64, negatives=128))
own['colours'] = dict(brightness=0.5, contrast=0.5, saturation=0.5, sigma=(0.1, 1.0))
own['projector'] = dict(channels=32, out_channels=32, norm_cfg=dict(type='BN'))
model = dict(segmentor=_base_.segmentor, num_classes=_base_.num_classes, **own)
custom_hooks = [dict(type='MeanTeacherHook', decay=0.98, warmup=True, buffers='keep')]
train_dataloader = dict(dataset=dict(views=_base_.views))
