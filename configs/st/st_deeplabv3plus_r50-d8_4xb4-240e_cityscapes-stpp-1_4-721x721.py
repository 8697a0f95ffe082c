_base_ = './st_deeplabv3plus_r50-d8_4xb4-240e_cityscapes-stpp-1_8-721x721.py'
train_dataloader = dict(dataset=dict(split='splits/stpp/1_4/split_0'))
