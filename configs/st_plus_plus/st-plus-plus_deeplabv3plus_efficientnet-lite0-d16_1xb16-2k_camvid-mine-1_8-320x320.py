_base_ = './st-plus-plus_deeplabv3plus_efficientnet-lite0-d16_1xb16-2k_camvid-mine-1_30-320x320.py'
train_dataloader = dict(dataset=dict(split='splits/mine/1_8'))
