_base_ = './corrmatch_deeplabv3plus_r101-d8_4xb2+2-240e_cityscapes-unimatch-1_8-801x801.py'
train_dataloader = dict(dataset=dict(split='splits/unimatch/1_16'))
