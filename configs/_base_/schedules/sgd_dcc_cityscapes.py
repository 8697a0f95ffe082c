# DCC on Cityscapes: SGD, 0.1, in the backbone a tenth, poly decay; 92000 iterations (there 92560)
# of 8 + 8 images on 4 GPUs.
_base_ = './sgd_dcc.py'
optim_wrapper = dict(optimizer=dict(lr=0.1))
train_cfg = dict(_delete_=True, type='SemiTrainLoop', max_iters=92000, val_interval=9200)
