# AEL on Cityscapes: 200 epochs of the unlabeled list, SGD, in the head tenfold; 8 GPUs x (2 + 2).
# Its 0.01 and weight decay of 1e-4 are 0.00125 and 8e-4 in terms of plain DDP: the official code
# divides the losses by the number of processes, and DDP the gradients once more.
_base_ = './sgd_unimatch.py'
optim_wrapper = dict(optimizer=dict(lr=0.00125, weight_decay=8e-4))
train_cfg = dict(epochs=200)
auto_scale_lr = dict(base_batch_size=32)
