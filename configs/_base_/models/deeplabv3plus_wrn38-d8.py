_base_ = './deeplabv3plus_r50-d8.py'
# DeepLabV3+ with WideResNet38 at output stride 8, as in NVIDIA's code: the decoder joins the
# first module, at stride 2. Its own ASPP and decoder have plain convolutions, mmseg's head
# depthwise separable ones. The backbone starts from scratch unless a file is given:
# docs/en/networks.md says which, and how to convert it.
segmentor = dict(
    backbone=dict(
        _delete_=True,
        type='WideResNet38',
        out_indices=(0, 5),
        strides=(1, 1, 2, 1, 1, 1),
        dilations=(1, 1, 1, 2, 4, 4),
        norm_cfg=dict(type='SyncBN', requires_grad=True),
    ),
    decode_head=dict(in_channels=4096, in_index=1, c1_in_channels=128),
)
