# U2PL on Cityscapes: 200 epochs, 0.01 for all weights; 8 GPUs x (2 + 2).
_base_ = './sgd_u2pl.py'
optim_wrapper = dict(
    optimizer=dict(weight_decay=5e-4),
    paramwise_cfg=dict(custom_keys=dict(backbone=dict(lr_mult=1.0))),
)
train_cfg = dict(epochs=200)
