# Use with train_dataloader.sampler.labeled_only=True.
model = dict(type='SupOnly')
views = dict(weak=[])
