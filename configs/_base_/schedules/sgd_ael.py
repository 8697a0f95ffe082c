# AEL on Cityscapes: 200 epochs of the unlabeled list, SGD, 0.01, in the head tenfold; 8 GPUs x
# (2 + 2).
_base_ = './sgd_unimatch.py'
optim_wrapper = dict(optimizer=dict(lr=0.01))
train_cfg = dict(epochs=200)
auto_scale_lr = dict(base_batch_size=32)
