# The same for small images on a CPU, whose trainings may have another length.
_base_ = './adamw_camvid.py'
train_cfg = dict(max_iters=1000)
rampup = 300
decay = 0.98
