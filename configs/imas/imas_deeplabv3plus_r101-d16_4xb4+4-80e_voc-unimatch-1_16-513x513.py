_base_ = './imas_deeplabv3plus_r101-d16_4xb4+4-80e_voc-unimatch-1_8-513x513.py'
train_dataloader = dict(dataset=dict(split='splits/unimatch/1_16'))
