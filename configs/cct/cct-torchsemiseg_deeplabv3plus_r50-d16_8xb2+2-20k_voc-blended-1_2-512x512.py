_base_ = './cct-torchsemiseg_deeplabv3plus_r50-d16_8xb2+2-20k_voc-blended-1_8-512x512.py'
train_dataloader = dict(dataset=dict(split='splits/blended_cps/1_2'))
