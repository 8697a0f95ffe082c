# GCT with DeepLabV2, in PixelSSL: 20 epochs of the unlabeled list, with 1/4 of the labels 30; its
# 2.5e-4 for each of four GPUs, in the head tenfold; 4 GPUs x (2 + 2).
_base_ = './sgd_head_tenfold.py'
optim_wrapper = dict(optimizer=dict(lr=1e-3, weight_decay=5e-4))
train_cfg = dict(epochs=20, of='unlabeled')
