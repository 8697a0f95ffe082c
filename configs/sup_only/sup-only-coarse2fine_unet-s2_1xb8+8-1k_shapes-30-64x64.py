_base_ = [
    '../_base_/models/unet_s2.py',
    '../_base_/datasets/shapes.py',
    '../_base_/methods/sup_only_coarse2fine.py',
    '../_base_/schedules/sgd_1k_shapes.py',
    '../_base_/default_runtime.py',
]
model = dict(segmentor=_base_.segmentor, num_classes=_base_.num_classes)
train_dataloader = dict(dataset=dict(views=_base_.views), sampler=dict(labeled_only=True))
auto_scale_lr = dict(base_batch_size=8)  # the labeled part
custom_hooks = [dict(type='CropSizeSchedulerHook', schedule='coarse2fine', sizes=[32, 48, 64])]
