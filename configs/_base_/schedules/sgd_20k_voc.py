# CPS on VOC: about 39.7k iterations of 8 + 8 images for every split. In terms of plain DDP its
# learning rate is 0.0025 and its weight decay 4e-4 (the official code divides the gradients by
# the number of processes once more); BatchNorm and biases are not decayed. Ours: 16 + 16 images
# on 8 GPUs, so half the iterations and twice the learning rate.
optim_wrapper = dict(
    type='OptimWrapper',
    optimizer=dict(type='SGD', lr=0.005, momentum=0.9, weight_decay=4e-4),
    paramwise_cfg=dict(norm_decay_mult=0.0, bias_decay_mult=0.0),
)
param_scheduler = [dict(type='PolyLR', eta_min=0, power=0.9, by_epoch=False)]
train_cfg = dict(type='SemiTrainLoop', max_iters=20000, val_interval=2000)
val_cfg = dict(type='NetworksValLoop')
test_cfg = dict(type='NetworksTestLoop')
auto_scale_lr = dict(enable=False, base_batch_size=32)  # 8 GPUs x (2 + 2)
