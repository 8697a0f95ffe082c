_base_ = (
    './sup-only-colours_deeplabv3plus_efficientnet-lite0-d16_1xb8+8-2k_camvid-mine-1_30-320x320.py'
)
train_dataloader = dict(dataset=dict(split='splits/mine/1_8'))
