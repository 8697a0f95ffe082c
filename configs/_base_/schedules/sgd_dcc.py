# DCC on VOC: SGD, 0.01, in the backbone a tenth, poly decay; 80 epochs of the unlabeled list (1/8:
# 92560 iterations, there for all lists), 8 + 8 images on 2 GPUs. An unlabeled image is two crops.
_base_ = './sgd_u2pl.py'
train_cfg = dict(padded=False)
auto_scale_lr = dict(base_batch_size=24)
