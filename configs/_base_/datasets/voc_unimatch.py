# VOC as FixMatch and UniMatch train on it: scale 0.5 to 2, crop 321, the whole image in tests.
_base_ = './voc.py'
crop_size = (321, 321)
test_mode = dict(mode='whole')
train_dataloader = dict(
    dataset=dict(
        crop_size=crop_size, scale=(0.5, 2.0), antialias=True, pad_val=0, pad_around=False
    ),
)
