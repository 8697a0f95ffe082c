_base_ = './prevmatch_deeplabv3plus_r50-d16_2xb4+4-240e_cityscapes-unimatch-1_8-801x801.py'
train_dataloader = dict(dataset=dict(split='splits/unimatch/1_2'))
