_base_ = './corrmatch_deeplabv3plus_r101-d8_4xb4+4-80e_voc-unimatch-366-321x321.py'
train_dataloader = dict(dataset=dict(split='splits/unimatch/1_16'))
