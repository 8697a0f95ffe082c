# CCT on VOC: SGD, 0.01, in the backbone a tenth, poly decay, 80 epochs of the unlabeled list; 10 +
# 10 images on one GPU. There the last incomplete batch of an epoch counts.
_base_ = './sgd_u2pl.py'
train_cfg = dict(padded=False)
auto_scale_lr = dict(base_batch_size=20)
