_base_ = './cutout_deeplabv2_r101-d8_1xb4+4-40k_cityscapes-unimatch-1_8-256x512.py'
train_dataloader = dict(dataset=dict(split='splits/unimatch/1_4'))
