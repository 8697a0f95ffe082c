_base_ = './deeplabv3plus_r50-d8.py'
# The PSPNet of ST++'s code: output stride 8, a 7x7 stem, no auxiliary head.
segmentor = dict(
    decode_head=dict(
        _delete_=True,
        type='PSPHead',
        in_channels=2048,
        in_index=3,
        channels=512,
        pool_scales=(1, 2, 3, 6),
        dropout_ratio=0.1,
        num_classes=21,
        norm_cfg=dict(type='SyncBN', requires_grad=True),
        align_corners=True,
        loss_decode=_base_.segmentor.decode_head.loss_decode,
    ),
)
