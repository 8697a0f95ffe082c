# CPS with CutMix as in the official code: three boxes that together cover 0.25 to 0.5, XOR where
# they overlap; labels from the unmixed images, in train mode without gradient; unlabeled images
# only. weight is 1 on VOC, 5 on Cityscapes.
# Ours: the partner is the next image of the batch (there: a second loader, which may hand out
# the same image).
model = dict(
    type='CPSSegmentor',
    num_networks=2,
    weight=1.0,
    mixer=dict(type='BoxMix', boxes=3, area=(0.25, 0.5), prob=1.0),
    covers='unlabeled',
    label_in_train_mode=True,
    joint_forward=False,
)
views = dict(weak=[])
