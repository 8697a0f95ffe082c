_base_ = './unimatch_deeplabv3plus_r50-d16_4xb2+2-80e_voc-unimatch-1_8-321x321.py'
train_dataloader = dict(dataset=dict(split='splits/unimatch/92'))
