# FixMatch for segmentation, in the form of UniMatch V2's repository: an EMA teacher in eval mode
# labels the weak view, labeled and strong images share a forward, the CutMix partner is the
# mirrored place in the batch, the sum is divided by 2. threshold 0.95 (Cityscapes in V1: 0).
box = dict(type='BoxMix', area=(0.02, 0.4), ratio=(0.3, 1 / 0.3), prob=0.5, partner='flip')
model = dict(
    type='WeakToStrongSegmentor',
    teacher='ema',
    strong_views=('strong',),
    mixer=box,
    filter=dict(type='Threshold', value=0.95),
    supervised_weight=0.5,
    weight=0.5,
    joint_forward=True,
)
custom_hooks = [dict(type='MeanTeacherHook', decay=0.996, warmup=True, buffers='ema')]
views = dict(weak=[], strong=[dict(type='StrongView')])
