_base_ = './deeplabv3plus_r50-d16.py'
# UniMatch on Cityscapes: online hard example mining for the labels. min_kept counts an image: it
# keeps at least 200000 pixels of a process's batch of 2.
segmentor = dict(
    decode_head=dict(sampler=dict(type='OHEMPixelSampler', thresh=0.7, min_kept=100000))
)
