# VOC as AdvSemSeg trains on it: scale 0.5 to 1.6 (there: in steps of 0.1), crop 321, padding with
# the mean colour, no antialiasing.
_base_ = './voc_unimatch.py'
train_dataloader = dict(
    dataset=dict(scale=(0.5, 1.6), antialias=False, pad_val=[104, 116, 124]),
)
