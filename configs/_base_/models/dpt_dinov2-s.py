_base_ = './deeplabv3plus_r50-d16.py'
# DPT on DINOv2-S, the network of UniMatch V2: maps of blocks 3, 6, 9, 12 through the last norm, no
# class token, no BatchNorm. Crops should be multiples of 14 (518, 798); other images are resized to
# the nearest. Ours: the 3x3 convolutions of the residual units have no bias, and the maps of a
# level are fused at twice the size of the level below (there: at the size of the level itself).
segmentor = dict(
    backbone=dict(
        _delete_=True,
        type='DINOv2',
        embed_dims=384,
        num_layers=12,
        num_heads=6,
        out_indices=(2, 5, 8, 11),
        init_cfg=dict(
            type='Pretrained',
            checkpoint='https://dl.fbaipublicfiles.com/dinov2/dinov2_vits14/'
            'dinov2_vits14_pretrain.pth',
        ),
    ),
    decode_head=dict(
        _delete_=True,
        type='DPTMapHead',
        in_channels=[384, 384, 384, 384],
        in_index=[0, 1, 2, 3],
        embed_dims=384,
        post_process_channels=[48, 96, 192, 384],
        channels=64,
        dropout_ratio=0.0,
        num_classes=21,
        norm_cfg=None,
        align_corners=True,
        loss_decode=_base_.segmentor.decode_head.loss_decode,
    ),
)
