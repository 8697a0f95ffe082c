_base_ = './sup-only_dpt_dinov2-s_4xb4-22500_ade20k-unimatch-1_64-518x518.py'
train_dataloader = dict(dataset=dict(split='splits/unimatch/1_16'))
