# Cityscapes as ClassMix trains on it: whole images at half their size, not cropped, not flipped. In
# tests as cityscapes_half.py (there: the halved masks are compared).
_base_ = './cityscapes_half.py'
crop_size = (512, 1024)
train_dataloader = dict(dataset=dict(crop_size=crop_size, flip=0.0))
