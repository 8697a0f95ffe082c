_base_ = (
    './diverse-cotraining_segformer_b2+deeplabv3plus_r50-d8_'
    '4xb2+2-240e_cityscapes-unimatch-1_8-769x769.py'
)
train_dataloader = dict(dataset=dict(split='splits/unimatch/1_30'))
