# CorrMatch on VOC: as UniMatch, with 4 GPUs x (4 + 4) images and a tenfold rate in all that is not
# the backbone, also in the correlation.
_base_ = './sgd_unimatch.py'
optim_wrapper = dict(paramwise_cfg=dict(custom_keys=dict(auxiliaries=dict(lr_mult=10.0))))
auto_scale_lr = dict(base_batch_size=32)
