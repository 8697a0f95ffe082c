_base_ = './self-training-transfer_deeplabv3plus_x50-d16_8xb2+2-33k_bdd100k-mine-200-512x1024.py'
train_dataloader = dict(dataset=dict(split='splits/mine/1_2'))
