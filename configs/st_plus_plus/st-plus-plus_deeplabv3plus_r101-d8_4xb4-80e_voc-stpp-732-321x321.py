_base_ = './st-plus-plus_deeplabv3plus_r101-d8_4xb4-80e_voc-stpp-1_8-321x321.py'
train_dataloader = dict(dataset=dict(split='splits/stpp/732/split_0'))
