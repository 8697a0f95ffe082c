# U2PL (Wang et al., CVPR 2022) as its code, with the contrast as the paper means it
# (model.contrast.official_bugs=True computes what the code does). An EMA teacher labels the weak
# view in eval mode; CutMix of half of the image, drawn for the batch; the teacher sees the mixed
# images again, in train mode, and its entropy there decides what is reliable.
# Ours: padding is never reliable (there: labeled like the rest); shares fall in each iteration
# (there: in each epoch); the representations come from two layers on what the classifier receives
# (there: from a second head beside it).
model = dict(
    type='U2PLSegmentor',
    mixer=dict(type='BoxMix', area=(0.5, 0.5), prob=0.5, prob_of='batch', sides='half'),
    projector=dict(type='ConvProjector', channels=256, out_channels=256, num_convs=2),
    contrast=dict(
        type='UnreliableContrast', low_rank=3, high_rank=20, size=30000, first_size=50000
    ),
    contrast_weight=1.0,
    unreliable=0.2,
    supervised_until=0.0,
    weight=1.0,
    joint_forward=True,
)
custom_hooks = [dict(type='MeanTeacherHook', decay=0.99, warmup=True, buffers='keep')]
views = dict(weak=[], strong=[])
