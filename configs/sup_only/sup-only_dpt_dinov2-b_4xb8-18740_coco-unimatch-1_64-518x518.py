_base_ = './sup-only_dpt_dinov2-b_4xb8-18740_coco-unimatch-1_512-518x518.py'
train_dataloader = dict(dataset=dict(split='splits/unimatch/1_64'))
