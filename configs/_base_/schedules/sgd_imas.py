# iMAS on VOC: as UniMatch; 4 GPUs x (4 + 4).
_base_ = './sgd_unimatch.py'
auto_scale_lr = dict(base_batch_size=32)
