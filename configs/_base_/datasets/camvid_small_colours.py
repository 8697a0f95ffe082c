# camvid_small.py; labeled images have the colours of a strong view as well, as a yardstick.
_base_ = './camvid_small.py'
*before, pack = _base_.train_dataloader.dataset.labeled.pipeline
coloured = [*before, *_base_.strong_views.strong, pack]
train_dataloader = dict(dataset=dict(labeled=dict(pipeline=coloured)))
