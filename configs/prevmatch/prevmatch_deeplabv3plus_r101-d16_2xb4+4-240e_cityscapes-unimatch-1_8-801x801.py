_base_ = './prevmatch_deeplabv3plus_r50-d16_2xb4+4-240e_cityscapes-unimatch-1_8-801x801.py'
model = dict(segmentor=dict(backbone=_base_.r101))
