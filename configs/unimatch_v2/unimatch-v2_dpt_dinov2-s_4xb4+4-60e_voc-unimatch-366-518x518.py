_base_ = './unimatch-v2_dpt_dinov2-s_4xb4+4-60e_voc-unimatch-92-518x518.py'
train_dataloader = dict(dataset=dict(split='splits/unimatch/366'))
