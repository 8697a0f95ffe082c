# Cityscapes as DMT trains on it: images at half their size, then scale 0.5 to 1.5; crop 256 x 512.
_base_ = './cityscapes_half.py'
train_dataloader = dict(dataset=dict(scale=(0.25, 0.75)))
