_base_ = './augseg_deeplabv3plus_r50-d16_4xb4+4-240e_cityscapes-unimatch-1_8-800x800.py'
train_dataloader = dict(dataset=dict(split='splits/unimatch/1_4'))
