default_scope = 'mmseg'
model = dict(
    backbone=dict(
        base_channels=16,
        dec_dilations=(
            1,
            1,
        ),
        dec_num_convs=(
            2,
            2,
        ),
        downsamples=(
            True,
            True,
        ),
        enc_dilations=(
            1,
            1,
            1,
        ),
        enc_num_convs=(
            2,
            2,
            2,
        ),
        in_channels=3,
        norm_cfg=dict(requires_grad=True, type='BN'),
        norm_eval=False,
        num_stages=3,
        strides=(
            2,
            1,
            1,
        ),
        type='UNet'),
    data_preprocessor=dict(
        bgr_to_rgb=True,
        mean=[
            127.0,
            127.0,
            127.0,
        ],
        std=[
            60.0,
            60.0,
            60.0,
        ],
        type='SegDataPreProcessor'),
    decode_head=dict(
        align_corners=False,
        channels=32,
        concat_input=False,
        dropout_ratio=0.0,
        in_channels=16,
        in_index=2,
        loss_decode=dict(avg_non_ignore=True, type='CrossEntropyLoss'),
        norm_cfg=dict(requires_grad=True, type='BN'),
        num_classes=7,
        num_convs=1,
        type='FCNHead'),
    test_cfg=dict(mode='whole'),
    train_cfg=dict(),
    type='EncoderDecoder')
test_dataloader = dict(
    dataset=dict(pipeline=[
        dict(type='LoadImageFromFile'),
        dict(type='PackSegInputs'),
    ]))
test_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='PackSegInputs'),
]
visualizer = dict(type='SegLocalVisualizer')
