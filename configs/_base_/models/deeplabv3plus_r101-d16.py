_base_ = './deeplabv3plus_r50-d16.py'
segmentor = dict(backbone=_base_.r101)
