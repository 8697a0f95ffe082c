# VAT for segmentation (French et al., BMVC 2020) as their code trains it on VOC: radius 1 in units
# of the image's slope, weight 0.1, all pixels counted by the batch's share of confident ones.
# Ours: the search begins at a place whose distance (root mean square) is 0.01, there 2e-7 at
# 321 x 321, which float32 cannot tell from rounding; padding leads no search.
model = dict(
    type='VATSegmentor',
    teacher='ema',
    radius=1.0,
    adaptive=True,
    direction_of='teacher',
    filter=dict(type='ConfidentShare', value=0.97),
    pseudo_label=dict(type='SoftPseudoLabel'),
    unsupervised=dict(type='ProbabilityKL', over='all'),
    weight=0.1,
)
custom_hooks = [dict(type='MeanTeacherHook', decay=0.99, warmup=False, buffers='ema')]
views = dict(weak=[], strong=[])
