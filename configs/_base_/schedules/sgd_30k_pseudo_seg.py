# PseudoSeg with a ResNet on VOC: SGD, 0.007 for all, poly decay; 16 GPUs x (4 + 4).
_base_ = './sgd_head_tenfold.py'
optim_wrapper = dict(
    optimizer=dict(lr=0.007, weight_decay=1e-4),
    paramwise_cfg=dict(_delete_=True),
)
train_cfg = dict(max_iters=30000)
auto_scale_lr = dict(base_batch_size=128)
