# CamVid for a small network on a CPU: images at 0.28 to 0.56 of 480x360, crop 96 x 128. In tests
# the whole image at 192x144; the logits are enlarged and compared with the full masks.
_base_ = './camvid.py'
crop_size = (96, 128)
strong_views = dict(weak=[], strong=[dict(type='StrongView', sigma=(0.1, 1.0))])
train_dataloader = dict(dataset=dict(crop_size=crop_size, scale=(0.28, 0.56)))
load = dict(type='LoadImageFromFile')
shrink = dict(type='Resize', scale=(192, 144), keep_ratio=True)
pipeline = [load, shrink, dict(type='LoadAnnotations'), dict(type='PackSegInputs')]
val_dataloader = dict(batch_size=8, dataset=dict(pipeline=pipeline))
test_dataloader = val_dataloader
