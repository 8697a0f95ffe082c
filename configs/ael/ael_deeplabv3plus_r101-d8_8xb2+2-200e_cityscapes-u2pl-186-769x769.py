_base_ = './ael_deeplabv3plus_r101-d8_8xb2+2-200e_cityscapes-u2pl-1488-769x769.py'
train_dataloader = dict(dataset=dict(split='splits/u2pl/186'))
