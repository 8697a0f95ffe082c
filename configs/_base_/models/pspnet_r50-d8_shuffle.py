_base_ = './pspnet_r50-d8.py'
# The PSPNet of CCT's code: a deep stem, no dropout, and a last layer that enlarges by shuffling
# pixels. The stem is mmseg's, with its weights: 3x3 convolutions of 32, 32, 64 (there 64, 64, 128).
segmentor = dict(
    backbone=dict(
        type='ResNetV1c',
        init_cfg=dict(type='Pretrained', checkpoint='open-mmlab://resnet50_v1c'),
    ),
    decode_head=dict(type='ShufflePSPHead', steps=3, dropout_ratio=0.0, align_corners=False),
)
