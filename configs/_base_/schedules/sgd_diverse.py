# Diverse Co-Training on VOC: 80 epochs of the unlabeled list, SGD for all networks, 0.002 for the
# backbones, 0.02 for the heads; 4 GPUs x (4 + 4).
_base_ = './sgd_unimatch.py'
optim_wrapper = dict(optimizer=dict(lr=0.002))
auto_scale_lr = dict(base_batch_size=32)
