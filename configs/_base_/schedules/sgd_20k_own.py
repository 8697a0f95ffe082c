# sgd_20k_voc for 4 + 4 images an iteration on one GPU: the rate goes down with the batch.
_base_ = './sgd_20k_voc.py'
optim_wrapper = dict(optimizer=dict(lr=0.00125))
auto_scale_lr = dict(base_batch_size=8)
