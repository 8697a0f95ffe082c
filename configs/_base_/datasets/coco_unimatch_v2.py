# COCO as UniMatch V2 trains on it: as UniMatch, but crop 518, which is 37 patches of DINOv2.
_base_ = './coco_unimatch.py'
crop_size = (518, 518)
train_dataloader = dict(dataset=dict(crop_size=crop_size))
