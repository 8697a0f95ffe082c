# CCT as TorchSemiSeg trains it: twelve decoders, none of the worst features, a constant weight.
# Ours, besides what cct.py says: the plain cross entropy on labels (there: pixels whose probability
# is below a rising threshold).
_base_ = './cct.py'
model = dict(
    perturbations=dict(
        drop=dict(copies=2),
        active=dict(copies=2),
        noise=dict(copies=2),
        cut_out=dict(copies=2),
        worst=dict(copies=0),
    ),
    rampup=0.0,
)
