# AEL on VOC, as on Cityscapes, 80 epochs.
_base_ = './sgd_ael.py'
train_cfg = dict(epochs=80)
