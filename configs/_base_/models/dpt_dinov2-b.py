_base_ = './dpt_dinov2-s.py'
segmentor = dict(
    backbone=dict(
        embed_dims=768,
        num_heads=12,
        init_cfg=dict(
            checkpoint='https://dl.fbaipublicfiles.com/dinov2/dinov2_vitb14/'
            'dinov2_vitb14_pretrain.pth',
        ),
    ),
    decode_head=dict(
        in_channels=[768, 768, 768, 768],
        embed_dims=768,
        post_process_channels=[96, 192, 384, 768],
        channels=128,
    ),
)
