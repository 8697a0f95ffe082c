_base_ = './pseudo-seg_deeplabv3plus_r101-d16_16xb4+4-30k_voc-unimatch-92-513x513.py'
train_dataloader = dict(dataset=dict(split='splits/unimatch/732'))
