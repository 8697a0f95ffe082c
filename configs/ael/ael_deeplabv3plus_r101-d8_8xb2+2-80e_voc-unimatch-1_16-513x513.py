_base_ = './ael_deeplabv3plus_r101-d8_8xb2+2-80e_voc-unimatch-1_8-513x513.py'
train_dataloader = dict(dataset=dict(split='splits/unimatch/1_16'))
