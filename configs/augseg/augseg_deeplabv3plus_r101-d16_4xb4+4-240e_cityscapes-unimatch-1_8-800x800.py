_base_ = './augseg_deeplabv3plus_r50-d16_4xb4+4-240e_cityscapes-unimatch-1_8-800x800.py'
model = dict(segmentor=dict(backbone=_base_.r101))
