# AugSeg on VOC: as UniMatch; 2 GPUs x (8 + 8).
_base_ = './sgd_unimatch.py'
auto_scale_lr = dict(base_batch_size=32)
