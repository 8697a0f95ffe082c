# VOC as CutMix-Seg trains on it: as UniMatch, but padded with the mean colour (BGR) at all sides,
# and without antialiasing.
_base_ = './voc_unimatch.py'
# In tests the whole image, padded with the mean colour to VOC's longest side. There ten images are
# padded to the largest of them, at all sides.
test_mode = dict(mode='slide', crop_size=[500, 500], stride=[500, 500], small='pad')
train_dataloader = dict(
    dataset=dict(antialias=False, pad_val=[104, 116, 124], pad_around=True),
)
