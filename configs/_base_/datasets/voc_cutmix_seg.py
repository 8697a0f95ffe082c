# VOC as CutMix-Seg trains on it: as UniMatch, but padded with the mean colour (BGR) at all sides,
# and without antialiasing.
_base_ = './voc_unimatch.py'
train_dataloader = dict(
    dataset=dict(antialias=False, pad_val=[104, 116, 124], pad_around=True),
)
