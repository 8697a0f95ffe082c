_base_ = './classmix_deeplabv2_r101-d8_1xb2+2-40k_cityscapes-unimatch-1_8-512x1024.py'
train_dataloader = dict(dataset=dict(split='splits/unimatch/1_30'))
