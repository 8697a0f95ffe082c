# Use with train_dataloader.sampler.labeled_only=True. The sizes depend on the dataset.
_base_ = './sup_only.py'
custom_hooks = [dict(type='CropSizeSchedulerHook', schedule='coarse2fine', sizes=[400, 600, 800])]
