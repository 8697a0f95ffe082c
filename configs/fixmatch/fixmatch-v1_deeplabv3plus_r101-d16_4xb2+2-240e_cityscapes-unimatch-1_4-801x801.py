_base_ = './fixmatch-v1_deeplabv3plus_r101-d16_4xb2+2-240e_cityscapes-unimatch-1_8-801x801.py'
train_dataloader = dict(dataset=dict(split='splits/unimatch/1_4'))
