_base_ = './fixmatch_deeplabv3plus_efficientnet-lite0-d16_1xb8+8-1k_camvid-mine-1_30-96x128.py'
train_cfg = dict(max_iters=2000)
