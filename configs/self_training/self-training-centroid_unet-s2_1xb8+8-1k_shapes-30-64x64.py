_base_ = './self-training_unet-s2_1xb8+8-1k_shapes-30-64x64.py'
train_dataloader = dict(sampler=dict(tile=32, **_base_.centroid_sampler))
