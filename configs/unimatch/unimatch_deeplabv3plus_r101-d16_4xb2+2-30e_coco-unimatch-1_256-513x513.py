_base_ = './unimatch_deeplabv3plus_r101-d16_4xb2+2-30e_coco-unimatch-1_512-513x513.py'
train_dataloader = dict(dataset=dict(split='splits/unimatch/1_256'))
