# About a minute a method on two cores. A network of 0.1M weights from scratch bears a large rate.
optim_wrapper = dict(
    type='OptimWrapper',
    optimizer=dict(type='SGD', lr=0.2, momentum=0.9, nesterov=True, weight_decay=5e-4),
)
param_scheduler = [dict(type='PolyLR', eta_min=0, power=0.9, by_epoch=False)]
train_cfg = dict(type='SemiTrainLoop', max_iters=1000, val_interval=500)
val_cfg = dict(type='NetworksValLoop')
test_cfg = dict(type='NetworksTestLoop')
auto_scale_lr = dict(enable=False, base_batch_size=16)
