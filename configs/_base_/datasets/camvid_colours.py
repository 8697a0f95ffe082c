# camvid.py; labeled images have the colours of a strong view as well: a yardstick of SupOnly.
_base_ = './camvid.py'
*before, pack = _base_.train_dataloader.dataset.labeled.pipeline
coloured = [*before, *_base_.strong_views.strong, pack]
train_dataloader = dict(dataset=dict(labeled=dict(pipeline=coloured)))
