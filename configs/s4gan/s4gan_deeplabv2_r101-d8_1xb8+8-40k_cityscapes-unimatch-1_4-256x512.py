_base_ = './s4gan_deeplabv2_r101-d8_1xb8+8-40k_cityscapes-unimatch-1_8-256x512.py'
train_dataloader = dict(dataset=dict(split='splits/unimatch/1_4'))
