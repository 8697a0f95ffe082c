# VOC as ReCo trains on it: scale 0.5 to 1.5, crop 321, colours on labeled images as well; the whole
# image in tests. Ours: padding is black (there: the image mirrored, without labels).
_base_ = './voc_unimatch.py'
colours = dict(
    type='StrongView',
    brightness=0.25,
    contrast=0.25,
    saturation=0.25,
    gray_prob=0.0,
    sigma=(0.15, 1.15),
)
pipeline = [_base_.draw_scale, *_base_.read_labeled, colours, _base_.pack]
train_dataloader = dict(dataset=dict(scale=(0.5, 1.5), labeled=dict(pipeline=pipeline)))
