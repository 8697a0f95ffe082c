# DMT on VOC: SGD, 5e-4, poly decay in each training. The two first ones 0.002, 8 labeled images,
# 85 epochs of 1464 labels; each later one 0.001, 1 + 7 images, 5 epochs of the unlabeled list. One
# process.
optim_wrapper = dict(
    type='OptimWrapper',
    optimizer=dict(type='SGD', lr=0.001, momentum=0.9, weight_decay=5e-4),
)
param_scheduler = [dict(type='PolyLR', eta_min=0, power=0.9, by_epoch=False)]
train_cfg = dict(type='SemiTrainLoop', epochs=5, of='unlabeled', vals=10)
val_cfg = dict(type='NetworksValLoop')
test_cfg = dict(type='NetworksTestLoop')
auto_scale_lr = dict(enable=False, base_batch_size=8)
of_first = dict(
    train_cfg=dict(epochs=85, of='labeled', length=1464),
    optim_wrapper=dict(optimizer=dict(lr=0.002)),
    train_dataloader=dict(sampler=dict(labeled=8, unlabeled=0)),
)
