_base_ = './deeplabv3plus_r101-d8.py'
# U2PL on Cityscapes: online hard example mining for the labels, with at least 100000 pixels of the
# two images of a process (mmseg multiplies by the batch).
segmentor = dict(
    decode_head=dict(sampler=dict(type='OHEMPixelSampler', thresh=0.7, min_kept=50000))
)
