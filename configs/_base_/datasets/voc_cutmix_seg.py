# VOC as CutMix-Seg trains on it: as UniMatch, but padded with the mean colour (BGR); there at all
# sides.
_base_ = './voc_unimatch.py'
train_dataloader = dict(dataset=dict(pad_val=[104, 116, 124]))
