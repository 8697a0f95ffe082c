# Self-training with the paper's teacher, DeepLabV3+ with ResNeXt-50 (models/
# deeplabv3plus_x50-d16.py; a config can have one network of that kind as a base), and another
# network as the student. Reconstruction, unverified, as self_training.py.
_base_ = './self_training.py'
teacher_norm = dict(type='SyncBN', requires_grad=True)
teacher_network = dict(
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
        type='ResNeXt',
        depth=50,
        groups=32,
        base_width=4,
        num_stages=4,
        out_indices=(0, 1, 2, 3),
        dilations=(1, 1, 1, 2),
        strides=(1, 2, 2, 1),
        norm_cfg=teacher_norm,
        norm_eval=False,
        style='pytorch',
        contract_dilation=True,
        init_cfg=dict(type='Pretrained', checkpoint='open-mmlab://resnext50_32x4d'),
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
        norm_cfg=teacher_norm,
        align_corners=True,
        loss_decode=dict(
            type='CrossEntropyLoss', use_sigmoid=False, loss_weight=1.0, avg_non_ignore=True
        ),
    ),
    train_cfg=dict(),
    test_cfg=dict(mode='whole'),
)
of_teacher = dict(model=dict(segmentor=dict(_delete_=True, **teacher_network)))
stages = [dict(_base_.stages[0], cfg=of_teacher), *_base_.stages[1:]]
