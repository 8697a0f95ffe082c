_base_ = './cct_pspnet_r50-d8_1xb10+10-80e_voc-unimatch-1464-320x320.py'
train_dataloader = dict(dataset=dict(split='splits/unimatch/366'))
