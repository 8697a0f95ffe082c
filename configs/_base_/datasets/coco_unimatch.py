# COCO as FixMatch and UniMatch train on it: scale 0.5 to 2, crop 513, the whole image in tests.
_base_ = './coco.py'
train_dataloader = dict(dataset=dict(scale=(0.5, 2.0), antialias=True))
