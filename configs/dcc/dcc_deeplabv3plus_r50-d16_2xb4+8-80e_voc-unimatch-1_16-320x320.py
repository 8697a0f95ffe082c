_base_ = './dcc_deeplabv3plus_r50-d16_2xb4+8-80e_voc-unimatch-1_8-320x320.py'
train_dataloader = dict(dataset=dict(split='splits/unimatch/1_16'))
