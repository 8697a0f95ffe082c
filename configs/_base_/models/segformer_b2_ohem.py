_base_ = './segformer_b2.py'
# Online hard example mining for the labels, with at least 100000 pixels of the batch of a process,
# as Diverse Co-Training has it on Cityscapes. The mean is over the pixels kept.
segmentor = dict(
    decode_head=dict(
        loss_decode=dict(_delete_=True, type='ProbOhemCrossEntropy', thresh=0.7, min_kept=100000)
    )
)
