# Cityscapes as UniMatch V2 trains on it: as UniMatch, but crop 798, which is 57 patches of DINOv2;
# in tests the last windows are moved back into the image.
_base_ = './cityscapes_unimatch.py'
crop_size = (798, 798)
test_mode = dict(mode='slide', crop_size=crop_size, stride=(532, 532), windows='shift')
train_dataloader = dict(dataset=dict(crop_size=crop_size))
