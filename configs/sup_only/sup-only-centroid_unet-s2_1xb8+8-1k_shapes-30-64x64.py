_base_ = [
    '../_base_/models/unet_s2.py',
    '../_base_/datasets/shapes.py',
    '../_base_/methods/sup_only_centroid.py',
    '../_base_/schedules/sgd_1k_shapes.py',
    '../_base_/default_runtime.py',
]
model = dict(segmentor=_base_.segmentor, num_classes=_base_.num_classes)
sampler = dict(tile=32, **_base_.centroid_sampler)
train_dataloader = dict(dataset=dict(views=_base_.views), sampler=sampler)
auto_scale_lr = dict(base_batch_size=8)  # the labeled part
