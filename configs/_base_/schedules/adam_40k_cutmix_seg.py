# CutMix-Seg with DeepLabV2: Adam, 3e-5 for the head and a tenth of it for the backbone, constant;
# 40 epochs of 1000 iterations, 10 + 10 images on VOC, 4 + 4 on Cityscapes, one GPU.
optim_wrapper = dict(
    type='OptimWrapper',
    optimizer=dict(type='Adam', lr=3e-5),
    paramwise_cfg=dict(custom_keys=dict(backbone=dict(lr_mult=0.1))),
)
param_scheduler = []
train_cfg = dict(type='SemiTrainLoop', max_iters=40000, val_interval=4000)
val_cfg = dict(type='NetworksValLoop')
test_cfg = dict(type='NetworksTestLoop')
auto_scale_lr = dict(enable=False, base_batch_size=20)
