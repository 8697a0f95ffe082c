# Cityscapes as Diverse Co-Training trains on it: as UniMatch, but crop and windows of 769.
_base_ = './cityscapes_unimatch.py'
crop_size = (769, 769)
test_mode = dict(crop_size=crop_size, stride=(512, 512))
train_dataloader = dict(dataset=dict(crop_size=crop_size))
