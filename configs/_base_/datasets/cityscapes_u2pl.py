# Cityscapes as U2PL trains on it: scale 0.5 to 2, crop 769, no antialiasing; in tests windows of
# that size, two thirds of it apart, the last ones moved back into the image. Their logits are
# averaged.
_base_ = './cityscapes_unimatch.py'
crop_size = (769, 769)
test_mode = dict(
    mode='slide', crop_size=crop_size, stride=(513, 513), windows='shift', average='logits'
)
train_dataloader = dict(
    dataset=dict(crop_size=crop_size, antialias=False, pad_val=[104, 116, 124], pad_around=True),
)
