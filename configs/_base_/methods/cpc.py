# Cross probability consistency: the ablation of the CPS paper. Soft labels, squared distance.
_base_ = './cps.py'
model = dict(
    pseudo_label=dict(type='SoftPseudoLabel'),
    unsupervised=dict(type='ProbabilityMSE'),
)
