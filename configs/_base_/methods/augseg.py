# AugSeg (Zhao et al., CVPR 2023) as its code on VOC: one to three operations of a pool; images
# whose labels the EMA teacher is unsure of get a box of a labeled image; then all images get a box
# of another one of these. The mean is over all pixels. In the first epoch the teacher is the
# student.
# Cityscapes: threshold 0 and decay 0.996.
# Ours: an image's certainty is that of its pixels without padding, which is not learned from; the
# labeled images are taken in turn (there: by the same permutation as the partners).
inject = dict(type='BetaBoxMix', beta=(8, 2), prob='unsure', margin=0.125, partner='labeled')
cut = dict(type='BetaBoxMix', beta=(4, 4), margin=0.125, partner='random')
model = dict(
    type='WeakToStrongSegmentor',
    teacher='ema',
    strong_views=('strong',),
    pseudo_label=dict(type='HardPseudoLabel', certainty=True),
    mixer=dict(type='MixTwice', first=inject, second=cut),
    filter=dict(type='Threshold', value=0.95),
    unsupervised=dict(type='MaskedCrossEntropy', over='all'),
    weight=1.0,
    joint_forward=True,
)
custom_hooks = [
    dict(
        type='MeanTeacherHook',
        decay=0.999,
        warmup=True,
        buffers='ema',
        begin=1 / 80,
        count_all=True,
    ),
]
views = dict(weak=[], strong=[dict(type='RandomOps')])
