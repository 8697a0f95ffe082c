# Use with train_dataloader.sampler=_base_.centroid_sampler.
_base_ = './sup_only.py'
centroid_sampler = dict(type='CentroidSampler', fraction=0.5, labeled_only=True)
