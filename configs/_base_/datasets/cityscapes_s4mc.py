# Cityscapes as S4MC's code of 2024 trains on it: as FixMatch and UniMatch, with a crop of 769; in
# tests windows of that size, 512 apart.
_base_ = './cityscapes_unimatch.py'
crop_size = (769, 769)
test_mode = dict(
    mode='slide', crop_size=crop_size, stride=(512, 512), windows='cut', average='probabilities'
)
train_dataloader = dict(dataset=dict(crop_size=crop_size))
