_base_ = (
    './diverse-cotraining_segformer_b2+deeplabv3plus_r50-d16_4xb4+4-80e_voc-unimatch-1_8-321x321.py'
)
train_dataloader = dict(dataset=dict(split='splits/unimatch/1_16'))
