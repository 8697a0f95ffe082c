_base_ = './dcc_deeplabv3plus_r50-d16_4xb2+4-92k_cityscapes-unimatch-1_8-720x720.py'
train_dataloader = dict(dataset=dict(split='splits/unimatch/1_4'))
