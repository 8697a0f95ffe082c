_base_ = './fixmatch-v1_deeplabv3plus_r101-d16_4xb2+2-80e_voc-unimatch-1_8-321x321.py'
train_dataloader = dict(dataset=dict(split='splits/unimatch/183'))
