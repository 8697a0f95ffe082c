_base_ = './cps-cutmix_deeplabv3plus_r50-d16_8xb2+2-22k_cityscapes-1_8-800x800.py'
model = dict(segmentor=dict(backbone=_base_.r101))
