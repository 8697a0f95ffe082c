_base_ = './deeplabv3plus_r50-d8.py'
segmentor = dict(backbone=_base_.r101)
