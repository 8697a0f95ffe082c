_base_ = './prevmatch_deeplabv3plus_r101-d16_1xb8+8-80e_voc-unimatch-366-321x321.py'
train_dataloader = dict(dataset=dict(split='splits/unimatch/1464'))
