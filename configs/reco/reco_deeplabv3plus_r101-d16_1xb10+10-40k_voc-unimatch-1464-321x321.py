_base_ = './reco_deeplabv3plus_r101-d16_1xb10+10-40k_voc-unimatch-92-321x321.py'
train_dataloader = dict(dataset=dict(split='splits/unimatch/1464'))
