_base_ = './unimatch-v2_dpt_dinov2-s_4xb4+4-20e_coco-unimatch-1_512-518x518.py'
train_dataloader = dict(dataset=dict(split='splits/unimatch/1_128'))
