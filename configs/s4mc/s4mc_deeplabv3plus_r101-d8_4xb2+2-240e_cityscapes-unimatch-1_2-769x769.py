_base_ = './s4mc_deeplabv3plus_r101-d8_4xb2+2-240e_cityscapes-unimatch-1_8-769x769.py'
train_dataloader = dict(dataset=dict(split='splits/unimatch/1_2'))
