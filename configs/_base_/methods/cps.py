# CPS without CutMix: on labeled and unlabeled images (sec. 3 and the official code), hard labels,
# every pixel, no threshold. weight is 1.5 on VOC, 6 on Cityscapes.
model = dict(
    type='CPSSegmentor',
    num_networks=2,
    weight=1.5,
    mixer=None,
    covers='all',
    joint_forward=False,
)
views = dict(weak=[])
