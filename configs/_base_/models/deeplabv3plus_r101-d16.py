_base_ = './deeplabv3plus_r50-d16.py'
segmentor = dict(
    backbone=dict(
        depth=101, init_cfg=dict(type='Pretrained', checkpoint='open-mmlab://resnet101_v1c')
    )
)
