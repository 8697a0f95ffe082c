_base_ = [
    '../_base_/models/unet_s2.py',
    '../_base_/datasets/shapes.py',
    '../_base_/methods/dcc.py',
    '../_base_/schedules/sgd_1k_shapes.py',
    '../_base_/default_runtime.py',
]
# Small cells, a small projector, the strong view of Shapes; labels alone for half of the training.
small = dict(projector=dict(channels=32, out_channels=32), contrast=dict(negatives=1024))
own = dict(stride=4, supervised_until=0.5, **small)
model = dict(segmentor=_base_.segmentor, num_classes=_base_.num_classes, **own)
data = dict(views=dict(weak=_base_.strong_views.strong))
sampler_options = dict(_base_.sampler_options, stride=4)
train_dataloader = dict(dataset=data, sampler=sampler_options)
