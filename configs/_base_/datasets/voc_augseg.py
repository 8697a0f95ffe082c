# VOC as AugSeg trains on it: scale 0.5 to 2 (there: of images whose long side is 500), crop 513,
# padding with the mean colour, the whole image in tests.
_base_ = './voc_unimatch.py'
crop_size = (513, 513)
train_dataloader = dict(dataset=dict(crop_size=crop_size, pad_val=[104, 116, 124]))
