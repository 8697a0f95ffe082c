# Self-training. Reconstruction, unverified: the paper's optimizer and schedule are unknown to us.
# 33k iterations of 16 labeled images are 178 epochs of Cityscapes; each stage has as many.
optim_wrapper = dict(
    type='OptimWrapper',
    optimizer=dict(type='SGD', lr=0.02, momentum=0.9, weight_decay=1e-4),
)
param_scheduler = [dict(type='PolyLR', eta_min=0, power=0.9, by_epoch=False)]
train_cfg = dict(type='SemiTrainLoop', max_iters=33000, val_interval=3000)
val_cfg = dict(type='NetworksValLoop')
test_cfg = dict(type='NetworksTestLoop')
auto_scale_lr = dict(enable=False, base_batch_size=32)  # 8 GPUs x (2 + 2)
