# CutMix-Seg with DeepLabV3+: 1e-5, for the backbone too.
_base_ = './adam_40k_cutmix_seg.py'
optim_wrapper = dict(
    optimizer=dict(lr=1e-5), paramwise_cfg=dict(custom_keys=dict(backbone=dict(lr_mult=1.0)))
)
