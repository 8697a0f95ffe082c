# VOC as PseudoSeg trains on it: scale 0.5 to 2 in steps of 0.25, crop 513, padding with the mean
# colour, no antialiasing; the whole image in tests.
_base_ = './voc_unimatch.py'
crop_size = (513, 513)
quarters = [n / 4 for n in range(2, 9)]
train_dataloader = dict(
    dataset=dict(crop_size=crop_size, scale=quarters, antialias=False, pad_val=[104, 116, 124]),
)
