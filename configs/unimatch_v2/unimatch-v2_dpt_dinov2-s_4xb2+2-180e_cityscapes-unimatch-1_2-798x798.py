_base_ = './unimatch-v2_dpt_dinov2-s_4xb2+2-180e_cityscapes-unimatch-1_16-798x798.py'
train_dataloader = dict(dataset=dict(split='splits/unimatch/1_2'))
