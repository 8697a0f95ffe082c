# Cityscapes at half its size, as CutMix-Seg trains on it: crop 256 x 512. In tests the whole image,
# halved too; the logits are enlarged and compared with the full masks.
_base_ = './cityscapes.py'
crop_size = (256, 512)
test_mode = dict(mode='whole')
train_dataloader = dict(dataset=dict(crop_size=crop_size, scale=[0.5]))
load = dict(type='LoadImageFromFile')
shrink = dict(type='Resize', scale_factor=0.5)
pipeline = [load, shrink, dict(type='LoadAnnotations'), dict(type='PackSegInputs')]
val_dataloader = dict(dataset=dict(pipeline=pipeline))
test_dataloader = val_dataloader
