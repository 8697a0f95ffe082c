_base_ = './s4gan_deeplabv2_r101-d8_1xb8+8-40k_voc-unimatch-1_8-321x321.py'
train_dataloader = dict(dataset=dict(split='splits/unimatch/1_4'))
