# ADE20K as UniMatch V2 trains on it: scale 0.5 to 2, crop 518, the whole image in tests.
_base_ = './ade20k.py'
crop_size = (518, 518)
train_dataloader = dict(dataset=dict(crop_size=crop_size, scale=(0.5, 2.0), antialias=True))
