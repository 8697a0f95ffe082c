_base_ = './dual-teacher_deeplabv3plus_r50-d16_4xb2+2-80e_voc-unimatch-1464-321x321.py'
train_dataloader = dict(dataset=dict(split='splits/unimatch/183'))
