# CutMix-Seg (French et al., BMVC 2020) as its code: an EMA teacher's probabilities, mixed with half
# of the next image; squared distance summed over the classes, times the share of the batch's
# pixels that are confident. Ours: BatchNorm is not frozen, and the teacher runs in eval mode.
model = dict(
    type='WeakToStrongSegmentor',
    teacher='ema',
    strong_views=('strong',),
    mixer=dict(type='BoxMix', area=(0.5, 0.5)),
    pseudo_label=dict(type='SoftPseudoLabel'),
    filter=dict(type='ConfidentShare', value=0.97),
    unsupervised=dict(type='ProbabilityMSE', classes='sum', over='all'),
    weight=1.0,
)
custom_hooks = [dict(type='MeanTeacherHook', decay=0.99, warmup=False, buffers='ema')]
views = dict(weak=[], strong=[])
