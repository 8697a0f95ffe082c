# PixelSSL with DeepLabV2 on VOC: SGD, 2.5e-4 a GPU, in the network's head tenfold, poly decay; 20
# epochs of the unlabeled list (of 1/4 30), 4 GPUs x (2 + 2).
_base_ = './sgd_head_tenfold.py'
optim_wrapper = dict(optimizer=dict(lr=1e-3, weight_decay=5e-4))
train_cfg = dict(epochs=20, of='unlabeled')
