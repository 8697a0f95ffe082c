# FixMatch and UniMatch on COCO: 30 epochs, learning rate 0.004, in the head tenfold.
_base_ = './sgd_unimatch.py'
optim_wrapper = dict(optimizer=dict(lr=0.004))
train_cfg = dict(epochs=30)
