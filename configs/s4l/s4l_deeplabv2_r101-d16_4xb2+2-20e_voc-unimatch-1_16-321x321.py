_base_ = './s4l_deeplabv2_r101-d16_4xb2+2-20e_voc-unimatch-1_8-321x321.py'
train_dataloader = dict(dataset=dict(split='splits/unimatch/1_16'))
