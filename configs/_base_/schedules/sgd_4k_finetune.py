# Fine-tuning of a self-trained network. Reconstruction, unverified.
_base_ = './sgd_33k_self_training.py'
optim_wrapper = dict(
    optimizer=dict(lr=0.002), paramwise_cfg=dict(custom_keys=dict(decode_head=dict(lr_mult=10.0)))
)
train_cfg = dict(max_iters=4000, val_interval=500)
