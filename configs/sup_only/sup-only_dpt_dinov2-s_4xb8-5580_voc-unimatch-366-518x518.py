_base_ = './sup-only_dpt_dinov2-s_4xb8-5580_voc-unimatch-92-518x518.py'
train_dataloader = dict(dataset=dict(split='splits/unimatch/366'))
