# U2PL on VOC: SGD, poly decay, 80 epochs of the unlabeled list; 0.001 for the backbone, 0.01 for
# all else (head and projector); 4 GPUs x (4 + 4).
_base_ = './sgd_unimatch.py'
optim_wrapper = dict(
    optimizer=dict(lr=0.01),
    paramwise_cfg=dict(_delete_=True, custom_keys=dict(backbone=dict(lr_mult=0.1))),
)
auto_scale_lr = dict(base_batch_size=32)
