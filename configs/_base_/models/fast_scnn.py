_base_ = './deeplabv3plus_r50-d16.py'
# Fast-SCNN (arXiv:1902.04502), trained from scratch, output stride 8. As mmseg's, but with a
# softmax over the classes (as in the paper) instead of a sigmoid for each: pseudo labels and
# consistency are about class probabilities.
norm_cfg = dict(type='SyncBN', requires_grad=True, momentum=0.01)
auxiliary_head = dict(
    type='FCNHead',
    channels=32,
    num_convs=1,
    concat_input=False,
    num_classes=21,
    norm_cfg=norm_cfg,
    align_corners=False,
    loss_decode=dict(type='CrossEntropyLoss', loss_weight=0.4, avg_non_ignore=True),
)
segmentor = dict(
    backbone=dict(
        _delete_=True,
        type='FastSCNN',
        out_indices=(0, 1, 2),
        norm_cfg=norm_cfg,
        align_corners=False,
    ),
    decode_head=dict(
        _delete_=True,
        type='DepthwiseSeparableFCNHead',
        in_channels=128,
        in_index=-1,
        channels=128,
        concat_input=False,
        num_classes=21,
        norm_cfg=norm_cfg,
        align_corners=False,
        loss_decode=_base_.segmentor.decode_head.loss_decode,
    ),
    auxiliary_head=[
        dict(auxiliary_head, in_channels=128, in_index=-2),
        dict(auxiliary_head, in_channels=64, in_index=-3),
    ],
)
