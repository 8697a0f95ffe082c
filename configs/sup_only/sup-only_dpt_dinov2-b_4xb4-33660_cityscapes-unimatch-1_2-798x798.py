_base_ = './sup-only_dpt_dinov2-b_4xb4-33660_cityscapes-unimatch-1_16-798x798.py'
train_dataloader = dict(dataset=dict(split='splits/unimatch/1_2'))
