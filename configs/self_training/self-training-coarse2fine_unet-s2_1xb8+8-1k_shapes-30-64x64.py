_base_ = './self-training_unet-s2_1xb8+8-1k_shapes-30-64x64.py'
custom_hooks = [dict(type='CropSizeSchedulerHook', schedule='coarse2fine', sizes=[32, 48, 64])]
