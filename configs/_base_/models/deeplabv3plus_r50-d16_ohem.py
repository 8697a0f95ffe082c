_base_ = './deeplabv3plus_r50-d16.py'
# CPS on Cityscapes: online hard example mining for the labels, with at least 50000 pixels for each
# labeled image of a process, as its code counts. The mean is over the pixels kept. The cross pseudo
# supervision stays plain cross entropy.
segmentor = dict(
    decode_head=dict(
        loss_decode=dict(
            _delete_=True, type='ProbOhemCrossEntropy', thresh=0.7, min_kept=50000, per_image=True
        )
    )
)
