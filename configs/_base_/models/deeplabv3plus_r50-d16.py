# DeepLabV3+ with ResNet-50 (deep stem), output stride 16, no auxiliary head: the network of CPS
# (TorchSemiSeg), as far as mmseg has it. The number of classes and the test mode come from the
# dataset. The stem is mmseg's, with its weights: 3x3 convolutions of 32, 32, 64; wide_stem below is
# the papers'.
segmentor = dict(
    type='EncoderDecoder',
    data_preprocessor=dict(
        type='SegDataPreProcessor',
        mean=[123.675, 116.28, 103.53],
        std=[58.395, 57.12, 57.375],
        bgr_to_rgb=True,
        pad_val=0,
        seg_pad_val=255,
    ),
    backbone=dict(
        type='ResNetV1c',
        depth=50,
        num_stages=4,
        out_indices=(0, 1, 2, 3),
        dilations=(1, 1, 1, 2),
        strides=(1, 2, 2, 1),
        norm_cfg=dict(type='SyncBN', requires_grad=True),
        norm_eval=False,
        style='pytorch',
        contract_dilation=True,
        init_cfg=dict(type='Pretrained', checkpoint='open-mmlab://resnet50_v1c'),
    ),
    decode_head=dict(
        type='DepthwiseSeparableASPPHead',
        in_channels=2048,
        in_index=3,
        channels=256,
        dilations=(1, 6, 12, 18),
        c1_in_channels=256,
        c1_channels=48,
        dropout_ratio=0.1,
        num_classes=21,
        norm_cfg=dict(type='SyncBN', requires_grad=True),
        align_corners=True,
        loss_decode=dict(
            type='CrossEntropyLoss', use_sigmoid=False, loss_weight=1.0, avg_non_ignore=True
        ),
    ),
    train_cfg=dict(),
    test_cfg=dict(mode='whole'),
)

# What makes it ResNet-101; a leaf says model = dict(segmentor=dict(backbone=_base_.r101)).
r101 = dict(depth=101, init_cfg=dict(type='Pretrained', checkpoint='open-mmlab://resnet101_v1c'))

# The stem of TorchSemiSeg and UniMatch (64, 64, 128) and their weights, which you download
# (docs/en/networks.md): model = dict(segmentor=dict(backbone=_base_.wide_stem)) in a leaf with
# ResNet-50, wide_stem_r101 in one with ResNet-101.
wide_stem = dict(
    stem_channels=128,
    init_cfg=dict(type='PretrainedDeepStem', checkpoint='pretrained/resnet50.pth'),
)
wide_stem_r101 = dict(
    stem_channels=128,
    depth=101,
    init_cfg=dict(type='PretrainedDeepStem', checkpoint='pretrained/resnet101.pth'),
)
