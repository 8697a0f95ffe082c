_base_ = './sgd_unimatch.py'
optim_wrapper = dict(
    optimizer=dict(lr=0.005),
    paramwise_cfg=dict(custom_keys=dict(decode_head=dict(lr_mult=1.0))),
)
train_cfg = dict(epochs=240)
