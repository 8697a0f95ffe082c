# Cityscapes as FixMatch and UniMatch train on it: scale 0.5 to 2, crop 801; in tests windows of
# that size, two thirds of it apart, cut off at the border. Their probabilities are averaged.
_base_ = './cityscapes.py'
crop_size = (801, 801)
test_mode = dict(
    mode='slide', crop_size=crop_size, stride=(534, 534), windows='cut', average='probabilities'
)
train_dataloader = dict(
    dataset=dict(
        crop_size=crop_size, scale=(0.5, 2.0), antialias=True, pad_val=0, pad_around=False
    ),
)
