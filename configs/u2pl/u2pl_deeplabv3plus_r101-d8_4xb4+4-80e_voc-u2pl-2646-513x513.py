_base_ = './u2pl_deeplabv3plus_r101-d8_4xb4+4-80e_voc-u2pl-1323-513x513.py'
train_dataloader = dict(dataset=dict(split='splits/u2pl/2646'))
