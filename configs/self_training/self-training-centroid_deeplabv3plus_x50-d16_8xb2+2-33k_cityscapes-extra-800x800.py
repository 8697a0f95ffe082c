_base_ = './self-training_deeplabv3plus_x50-d16_8xb2+2-33k_cityscapes-extra-800x800.py'
train_dataloader = dict(sampler=_base_.centroid_sampler)
