# AugSeg on Cityscapes: 240 epochs, 0.01 for all weights; 4 GPUs x (4 + 4).
_base_ = './sgd_augseg.py'
optim_wrapper = dict(
    optimizer=dict(lr=0.01, weight_decay=5e-4),
    paramwise_cfg=dict(custom_keys=dict(decode_head=dict(lr_mult=1.0))),
)
train_cfg = dict(epochs=240)
