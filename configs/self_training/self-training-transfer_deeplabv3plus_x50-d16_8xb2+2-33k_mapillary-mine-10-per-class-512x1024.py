_base_ = './self-training-transfer_deeplabv3plus_x50-d16_8xb2+2-33k_mapillary-mine-1_10-512x1024.py'
train_dataloader = dict(dataset=dict(split='splits/mine/10_per_class'))
