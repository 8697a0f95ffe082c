_base_ = './augseg_deeplabv3plus_r50-d16_2xb8+8-80e_voc-unimatch-1_8-513x513.py'
train_dataloader = dict(dataset=dict(split='splits/unimatch/732'))
