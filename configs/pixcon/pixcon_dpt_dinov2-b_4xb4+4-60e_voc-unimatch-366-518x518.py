_base_ = './pixcon_dpt_dinov2-b_4xb4+4-60e_voc-unimatch-183-518x518.py'
train_dataloader = dict(dataset=dict(split='splits/unimatch/366'))
