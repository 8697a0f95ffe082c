_base_ = './deeplabv3plus_r101-d16.py'
# AugSeg on Cityscapes: online hard example mining for the labels, with at least 100000 pixels of
# the batch of a process, however many images it has. The mean is over the pixels kept.
segmentor = dict(
    decode_head=dict(
        loss_decode=dict(_delete_=True, type='ProbOhemCrossEntropy', thresh=0.7, min_kept=100000)
    )
)
