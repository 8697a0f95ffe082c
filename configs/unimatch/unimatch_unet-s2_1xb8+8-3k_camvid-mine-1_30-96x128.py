_base_ = [
    '../_base_/models/unet_s2_camvid.py',
    '../_base_/datasets/camvid_small.py',
    '../_base_/methods/unimatch.py',
    '../_base_/schedules/sgd_3k_camvid.py',
    '../_base_/default_runtime.py',
]
# From scratch: a slow start, the loss is not halved, all pixels count (as on Cityscapes).
own = dict(
    supervised_weight=1.0, weight=0.5, dropped_weight=0.5, rampup_iters=2550, filter=dict(value=0.0)
)
shared = dict(segmentor=_base_.segmentor, num_classes=_base_.num_classes)
model = dict(**shared, **own, test_cfg=_base_.test_mode)
strong = _base_.strong_views.strong
dataset = dict(split='splits/mine/1_30', views=dict(weak=[], strong1=strong, strong2=strong))
train_dataloader = dict(dataset=dataset, sampler=dict(labeled=8, unlabeled=8))
