# The schedule of Shapes, three times as long: 7 minutes of SupOnly on one CPU core.
_base_ = './sgd_1k_shapes.py'
train_cfg = dict(max_iters=3000)
