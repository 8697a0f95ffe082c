# Reconstruction, unverified. The warm-up is the paper's: 20 of 180 epochs.
_base_ = './self-training-centroid_deeplabv3plus_x50-d16_8xb2+2-33k_cityscapes-extra-800x800.py'
fast = dict(schedule='coarse2fine', sizes=[400, 600, 800], warmup=3700)
custom_hooks = [dict(type='CropSizeSchedulerHook', **fast)]
