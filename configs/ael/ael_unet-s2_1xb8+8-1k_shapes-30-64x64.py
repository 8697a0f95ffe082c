_base_ = [
    '../_base_/models/unet_s2.py',
    '../_base_/datasets/shapes.py',
    '../_base_/methods/ael.py',
    '../_base_/schedules/sgd_1k_shapes.py',
    '../_base_/default_runtime.py',
]
# Strong colours, a slow start, shorter memories; objects are pasted, not the background.
own = dict(rampup_iters=850, class_confidence=dict(momentum=0.99))
own['labeled_mixer'] = dict(classes=[1, 2, 3, 4, 5, 6])
model = dict(segmentor=_base_.segmentor, num_classes=_base_.num_classes, **own)
custom_hooks = [dict(type='MeanTeacherHook', decay=0.98, warmup=True, buffers='keep')]
train_dataloader = dict(dataset=dict(views=_base_.strong_views))
