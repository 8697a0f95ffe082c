_base_ = './unet_s2.py'
# A small ERFNet (Romera et al. 2017) for the embedded dataset: factorized and dilated convolutions
# at a quarter and an eighth of the resolution. A second architecture beside unet_s2.py.
segmentor = dict(
    backbone=dict(
        _delete_=True,
        type='ERFNet',
        in_channels=3,
        enc_downsample_channels=(16, 32, 64),
        enc_stage_non_bottlenecks=(2, 4),
        enc_non_bottleneck_dilations=(2, 4),
        enc_non_bottleneck_channels=(32, 64),
        dec_upsample_channels=(32, 16),
        dec_stages_non_bottleneck=(1, 1),
        dec_non_bottleneck_channels=(32, 16),
        dropout_ratio=0.1,
        norm_cfg=dict(type='BN', requires_grad=True),
    ),
    decode_head=dict(in_index=-1),
)
