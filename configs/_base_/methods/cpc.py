# Cross probability consistency: the ablation of the CPS paper. Soft labels, squared distance.
model = dict(
    type='CPSSegmentor',
    num_networks=2,
    weight=1.5,
    mixer=None,
    covers='all',
    pseudo_label=dict(type='SoftPseudoLabel'),
    unsupervised=dict(type='ProbabilityMSE'),
)
views = dict(weak=[])
