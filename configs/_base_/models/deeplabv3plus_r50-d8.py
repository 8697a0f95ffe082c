_base_ = './deeplabv3plus_r50-d16.py'
# The DeepLabV3+ of ST++'s code: output stride 8, dilations 12, 24, 36, a 7x7 stem. Its own ASPP
# and decoder have plain convolutions where mmseg's head has depthwise separable ones.
segmentor = dict(
    backbone=dict(
        type='ResNet',
        dilations=(1, 1, 2, 4),
        strides=(1, 2, 1, 1),
        init_cfg=dict(checkpoint='https://download.pytorch.org/models/resnet50-0676ba61.pth'),
    ),
    decode_head=dict(dilations=(1, 12, 24, 36)),
)
r101 = dict(init_cfg=dict(checkpoint='https://download.pytorch.org/models/resnet101-63fe2227.pth'))
