# S4L for segmentation as PixelSSL trains it: a turned copy of each image in the same forward; a
# head tells the turns from the logits. Ours: an image that is all padding is not told; copies of
# labeled images have the plain cross entropy, whatever the network's own loss is.
model = dict(
    type='S4LSegmentor',
    rotation=dict(type='RotationHead'),
    rotation_weight=0.1,
    rotated_weight=0.1,
    joint_forward=True,
)
views = dict(weak=[])
