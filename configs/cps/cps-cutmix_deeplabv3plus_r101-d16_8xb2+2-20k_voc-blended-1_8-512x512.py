_base_ = './cps-cutmix_deeplabv3plus_r50-d16_8xb2+2-20k_voc-blended-1_8-512x512.py'
model = dict(segmentor=dict(backbone=_base_.r101))
