_base_ = './fixmatch_dpt_dinov2-b_4xb2+2-60e_ade20k-unimatch-1_64-518x518.py'
train_dataloader = dict(dataset=dict(split='splits/unimatch/1_32'))
