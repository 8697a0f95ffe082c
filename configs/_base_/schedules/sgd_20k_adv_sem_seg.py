# AdvSemSeg: SGD, 2.5e-4, in the head tenfold, poly decay; 10 + 10 images on one GPU.
_base_ = './sgd_head_tenfold.py'
optim_wrapper = dict(optimizer=dict(lr=2.5e-4, weight_decay=5e-4))
train_cfg = dict(max_iters=20000)
auto_scale_lr = dict(base_batch_size=20)
