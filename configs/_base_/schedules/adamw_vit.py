# UniMatch V2: AdamW, 5e-6 for the backbone, 2e-4 for all else, weight decay on every weight; 60
# epochs. Epochs as in sgd_unimatch.py, but 4 images in an iteration. VOC, 92 labels:
# 60 * (ceil(10490 / 4) // 4) = 60 * 655 = 39300.
_base_ = './sgd_unimatch.py'
optim_wrapper = dict(
    optimizer=dict(_delete_=True, type='AdamW', lr=2e-4, betas=(0.9, 0.999), weight_decay=0.01),
    paramwise_cfg=dict(_delete_=True, custom_keys=dict(backbone=dict(lr_mult=0.025))),
)
train_cfg = dict(epochs=60)
auto_scale_lr = dict(base_batch_size=32)  # 4 GPUs x (4 + 4)
