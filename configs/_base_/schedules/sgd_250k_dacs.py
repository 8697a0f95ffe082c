# DACS: as ClassMix, 250000 iterations of 2 + 2 images on one GPU.
_base_ = './sgd_40k_classmix.py'
train_cfg = dict(max_iters=250000)
auto_scale_lr = dict(base_batch_size=4)
