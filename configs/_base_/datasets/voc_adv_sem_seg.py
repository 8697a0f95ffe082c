# VOC as AdvSemSeg trains on it: scale 0.5 to 1.6 in steps of 0.1, crop 321, padding with the mean
# colour, no antialiasing.
_base_ = './voc_unimatch.py'
# In tests the whole image, padded to 505 with the mean colour at the bottom and right.
test_mode = dict(mode='slide', crop_size=[505, 505], stride=[505, 505], small='pad')
tenths = [n / 10 for n in range(5, 17)]
train_dataloader = dict(
    dataset=dict(scale=tenths, antialias=False, pad_val=[104, 116, 124]),
)
