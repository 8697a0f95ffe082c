# AdamW for a small pretrained encoder: 1e-3, a fifth of it for the backbone, poly decay. What the
# length of a training on CamVid decides stands here.
_base_ = './sgd_1k_shapes.py'
optim_wrapper = dict(
    optimizer=dict(_delete_=True, type='AdamW', lr=1e-3, betas=(0.9, 0.999), weight_decay=0.01),
    paramwise_cfg=dict(custom_keys=dict(backbone=dict(lr_mult=0.2))),
)
train_cfg = dict(max_iters=2000)
rampup = 300  # iterations in which weights rise
decay = 0.98  # of teachers: those of papers are too slow for such lengths
