# VOC as U2PL trains on it: scale 0.5 to 2, crop 513, the whole image in tests.
_base_ = './voc_unimatch.py'
crop_size = (513, 513)
train_dataloader = dict(dataset=dict(crop_size=crop_size))
