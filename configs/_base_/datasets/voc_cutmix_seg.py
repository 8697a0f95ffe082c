# VOC as CutMix-Seg trains on it: scale 0.5 to 1.5 in steps of 0.1, crop 321, padded with the mean
# colour (BGR) at all sides, no antialiasing.
_base_ = './voc_unimatch.py'
# In tests the whole image, padded with the mean colour to VOC's longest side. There ten images are
# padded to the largest of them, at all sides.
test_mode = dict(mode='slide', crop_size=[500, 500], stride=[500, 500], small='pad')
tenths = [n / 10 for n in range(5, 16)]
train_dataloader = dict(
    dataset=dict(scale=tenths, antialias=False, pad_val=[104, 116, 124], pad_around=True),
)
