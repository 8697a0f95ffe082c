# CPS on Cityscapes: 128 to 240 epochs, about 45k iterations of 8 + 8 images. In terms of plain
# DDP its learning rate is 0.0025 and its weight decay 8e-4. Ours: 16 + 16 images on 8 GPUs, so
# half the iterations and twice the learning rate.
_base_ = './sgd_20k_voc.py'
optim_wrapper = dict(optimizer=dict(weight_decay=8e-4))
train_cfg = dict(max_iters=22000)
