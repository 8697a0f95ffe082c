_base_ = (
    './diverse-cotraining_segformer_b3+deeplabv3plus_r101-d16_'
    '4xb4+4-80e_voc-unimatch-1464-321x321.py'
)
train_dataloader = dict(dataset=dict(split='splits/unimatch/732'))
