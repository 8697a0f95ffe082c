custom_imports = dict(
    allow_failed_imports=False, imports=[
        'semiseg_mm.models',
    ])
default_scope = 'mmseg'
model = dict(
    backbone=dict(
        norm_cfg=dict(
            eps=0.001, momentum=0.01, requires_grad=True, type='SyncBN'),
        out_indices=(
            1,
            2,
            4,
        ),
        type='semiseg_mm.EfficientNetLite'),
    data_preprocessor=dict(
        bgr_to_rgb=True,
        mean=[
            127.0,
            127.0,
            127.0,
        ],
        pad_val=0,
        seg_pad_val=255,
        std=[
            128.0,
            128.0,
            128.0,
        ],
        type='SegDataPreProcessor'),
    decode_head=dict(
        align_corners=False,
        c1_channels=48,
        c1_in_channels=24,
        channels=128,
        dilations=(
            1,
            6,
            12,
            18,
        ),
        dropout_ratio=0.1,
        in_channels=112,
        in_index=2,
        loss_decode=dict(
            avg_non_ignore=True,
            class_weight=[
                0.5,
                0.4,
                2.3,
                0.4,
                0.8,
                0.6,
                1.6,
                1.1,
                1.0,
                2.2,
                3.1,
            ],
            loss_weight=1.0,
            type='CrossEntropyLoss',
            use_sigmoid=False),
        norm_cfg=dict(requires_grad=True, type='SyncBN'),
        num_classes=11,
        type='DepthwiseSeparableASPPHead'),
    test_cfg=dict(mode='whole'),
    train_cfg=dict(),
    type='EncoderDecoder')
test_dataloader = dict(
    dataset=dict(pipeline=[
        dict(type='LoadImageFromFile'),
        dict(keep_ratio=True, scale=(
            192,
            144,
        ), type='Resize'),
        dict(type='PackSegInputs'),
    ]))
test_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(keep_ratio=True, scale=(
        192,
        144,
    ), type='Resize'),
    dict(type='PackSegInputs'),
]
visualizer = dict(type='SegLocalVisualizer')
