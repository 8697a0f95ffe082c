_base_ = './deeplabv3plus_r50-d16.py'
# CPS on Cityscapes: online hard example mining for the labels, with at least 50000 pixels an image
# (mmseg multiplies by the batch). The cross pseudo supervision stays plain cross entropy.
segmentor = dict(
    decode_head=dict(sampler=dict(type='OHEMPixelSampler', thresh=0.7, min_kept=50000))
)
