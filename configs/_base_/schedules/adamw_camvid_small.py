# The same for small images on a CPU; their length stands here.
_base_ = './adamw_camvid.py'
train_cfg = dict(max_iters=1000)
