_base_ = './cps_deeplabv3plus_r101-d16_8xb2+2-22k_cityscapes-1_8-800x800.py'
train_dataloader = dict(dataset=dict(split='splits/cps/1_16'))
