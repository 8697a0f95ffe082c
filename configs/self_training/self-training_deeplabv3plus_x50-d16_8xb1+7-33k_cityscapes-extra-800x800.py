# Reconstruction, unverified. Real to pseudo 1 to 7: 1.5k + 10.5k. The teacher is that of 1 to 1.
_base_ = './self-training_deeplabv3plus_x50-d16_8xb2+2-33k_cityscapes-extra-800x800.py'
ratio = dict(train_dataloader=dict(sampler=dict(labeled=1, unlabeled=7)))
batch = dict(auto_scale_lr=dict(base_batch_size=64))
stages = [*_base_.stages[:2], dict(_base_.stages[2], cfg=dict(**ratio, **batch))]
