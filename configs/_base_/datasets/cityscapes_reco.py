# Cityscapes at half its size, as ReCo trains on it: crop 512 without scaling, colours on labeled
# images as well. In tests the whole image, halved too; the logits are enlarged and compared with
# the full masks (there: with halved ones).
_base_ = './cityscapes_half.py'
colours = dict(
    type='StrongView',
    brightness=0.25,
    contrast=0.25,
    saturation=0.25,
    gray_prob=0.0,
    sigma=(0.15, 1.15),
)
pipeline = [_base_.draw_scale, *_base_.read_labeled, colours, _base_.pack]
crop_size = (512, 512)
train_dataloader = dict(
    dataset=dict(
        crop_size=crop_size,
        antialias=True,
        pad_val=0,
        pad_around=False,
        labeled=dict(pipeline=pipeline),
    ),
)
