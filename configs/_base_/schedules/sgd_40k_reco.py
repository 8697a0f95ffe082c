# ReCo: SGD with Nesterov momentum, 0.0025 for all, poly decay (there: once in each of 200 epochs of
# 200 iterations); on VOC 10 + 10 images, one GPU.
_base_ = './sgd_head_tenfold.py'
optim_wrapper = dict(
    optimizer=dict(lr=2.5e-3, nesterov=True, weight_decay=5e-4),
    paramwise_cfg=dict(_delete_=True),
)
train_cfg = dict(max_iters=40000)
auto_scale_lr = dict(base_batch_size=20)
