# CorrMatch (Sun et al., CVPR 2024) as its code: FixMatch with one strong view and dropped channels
# (UniMatch), a correlation of the last features with themselves that carries logits to other
# places, a running threshold, and labels that fill whole regions; (0.5 L_x + 0.5 L_xc + 0.25 (L_s +
# L_kl + L_fp + L_c)) / 2. Ours: all regions vote on the label as it came (there: a later one on
# what earlier ones filled); the pasted region's labels, the partner and the levels whose channels
# are dropped as in unimatch.py; the threshold leaves out padding of the unmixed image (there: of
# the mixed one).
box = dict(type='BoxMix', area=(0.02, 0.4), ratio=(0.3, 1 / 0.3), prob=0.5, partner='flip')
model = dict(
    type='CorrMatchSegmentor',
    mixer=box,
    perturbation=dict(type='ChannelDropout', p=0.5),
    correlation=dict(type='Correlation', channels=256, dropout=0.1),
    regions=128,
    filter=dict(type='RunningThreshold', value=0.85, momentum=0.999),
    supervised_weight=0.25,
    weight=0.125,
    dropped_weight=0.125,
    consistency_weight=0.125,
    correlation_weight=0.125,
    joint_forward=[['labeled', 'weak'], ['strong']],
)
views = dict(weak=[], strong=[dict(type='StrongView')])
