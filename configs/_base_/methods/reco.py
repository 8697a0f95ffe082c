# ReCo (Liu et al., ICLR 2022) as its code, with ClassMix: a teacher in train mode labels the weak
# view; all pixels of an image count as much as it has confident ones; unsure pixels are contrasted
# with the mean of their class and with pixels of similar ones. Its CutMix:
# mixer=dict(_delete_=True, type='BoxMix', area=(0.5, 0.5), sides='half'); its CutOut: the same with
# partner='nobody'.
# Ours: the teacher sees the scaled crop (there: one at scale 1, which is scaled after it); flips
# come before the mixing; an image gets the next one's objects (there: it lends its own to the next
# one); the projector gets what the classifier's last layer gets (there: what its first layer gets).
model = dict(
    type='ContrastSegmentor',
    teacher='ema',
    label_in_train_mode=True,
    strong_views=('strong',),
    mixer=dict(type='ClassMix', share=0.5, rounding='floor'),
    colours=dict(
        type='BatchColours',
        brightness=0.25,
        contrast=0.25,
        saturation=0.25,
        hue=0.25,
        gray_prob=0.0,
        sigma=(0.15, 1.15),
    ),
    filter=dict(type='ConfidentShare', value=0.97, of='image'),
    unsupervised=dict(type='MaskedCrossEntropy', over='nonzero'),
    contrast=dict(
        type='RegionalContrast',
        queries=256,
        negatives=512,
        min_confidence=0.7,
        easy=0.97,
        temperature=0.5,
    ),
    projector=dict(type='ConvProjector', channels=256, out_channels=256, num_convs=1, dropout=0.0),
    contrast_weight=1.0,
    contrast_covers='all',
    weight=1.0,
)
custom_hooks = [dict(type='MeanTeacherHook', decay=0.99, warmup=True, buffers='keep')]
views = dict(weak=[], strong=[])
