# Cityscapes as DCC trains on it: crop 720, scale 0.5 to 2, of unlabeled images 0.8 to 2; colours of
# labeled images change as well. Whole images in tests.
_base_ = './cityscapes_unimatch.py'
crop_size = (720, 720)
test_mode = dict(_delete_=True, mode='whole')
colours = dict(
    type='StrongView',
    brightness=0.4,
    contrast=0.4,
    saturation=0.4,
    hue=0.1,
    jitter_prob=1.0,
    gray_prob=0.0,
    blur_prob=0.0,
)
labeled_scale = dict(type='DrawScale', scale=(0.5, 2.0))
unlabeled_scale = dict(type='DrawScale', scale=(0.8, 2.0))
train_dataloader = dict(
    dataset=dict(
        crop_size=crop_size,
        scale=None,
        pad_val=[104, 116, 124],
        labeled=dict(pipeline=[labeled_scale, *_base_.read_labeled, colours, _base_.pack]),
        unlabeled=dict(pipeline=[unlabeled_scale, *_base_.read_unlabeled, _base_.pack]),
    ),
)
