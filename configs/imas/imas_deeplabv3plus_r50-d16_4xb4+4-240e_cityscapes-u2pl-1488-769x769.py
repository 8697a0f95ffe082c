_base_ = './imas_deeplabv3plus_r50-d16_4xb4+4-240e_cityscapes-u2pl-372-769x769.py'
train_dataloader = dict(dataset=dict(split='splits/u2pl/1488'))
