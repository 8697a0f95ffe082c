_base_ = './deeplabv3plus_r50-d16.py'
# DDRNet-23-slim (arXiv:2101.06085). Its head has two outputs in training, of which the first
# predicts: methods that perturb features cannot use it. The head does not tell its losses which
# label to ignore, so mmseg's CrossEntropyLoss cannot be one of them. A threshold above 1 makes
# OhemCrossEntropy keep all labeled pixels (mmseg's config: 0.9 and 131072, with class weights).
norm_cfg = dict(type='SyncBN', requires_grad=True)
loss = dict(type='OhemCrossEntropy', thres=1.1)
segmentor = dict(
    backbone=dict(
        _delete_=True,
        type='DDRNet',
        in_channels=3,
        channels=32,
        ppm_channels=128,
        norm_cfg=norm_cfg,
        align_corners=False,
        init_cfg=dict(
            type='Pretrained',
            checkpoint='https://mmassets.onedl.ai/mmsegmentation/v0.5/ddrnet/pretrain/'
            'ddrnet23s-in1kpre_3rdparty-1ccac5b1.pth',
        ),
    ),
    decode_head=dict(
        _delete_=True,
        type='DDRHead',
        in_channels=128,
        channels=64,
        dropout_ratio=0.0,
        num_classes=21,
        norm_cfg=norm_cfg,
        align_corners=False,
        loss_decode=[dict(loss, loss_weight=1.0), dict(loss, loss_weight=0.4)],
    ),
)
