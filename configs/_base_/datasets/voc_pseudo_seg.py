# VOC as PseudoSeg trains on it: scale 0.5 to 2 (there: in steps of 0.25), crop 513, padding with
# the mean colour, no antialiasing; the whole image in tests.
_base_ = './voc_unimatch.py'
crop_size = (513, 513)
train_dataloader = dict(
    dataset=dict(crop_size=crop_size, antialias=False, pad_val=[104, 116, 124]),
)
