_base_ = './s4mc_deeplabv3plus_r101-d16_4xb2+2-80e_voc-unimatch-366-512x512.py'
train_dataloader = dict(dataset=dict(split='splits/unimatch/1464'))
