_base_ = './fixmatch_dpt_dinov2-b_4xb4+4-20e_coco-unimatch-1_512-518x518.py'
train_dataloader = dict(dataset=dict(split='splits/unimatch/1_128'))
