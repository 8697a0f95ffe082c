# VOC as S4MC's code of 2024 trains on it: as FixMatch and UniMatch, with a crop of 512.
_base_ = './voc_unimatch.py'
crop_size = (512, 512)
train_dataloader = dict(dataset=dict(crop_size=crop_size))
