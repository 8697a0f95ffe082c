# CCT as TorchSemiSeg trains it: twelve decoders, none of the worst features, a constant weight.
# Ours, besides what cct.py says: the plain cross entropy on labels (there: pixels whose probability
# is below a rising threshold).
_base_ = './cct.py'
model = dict(decoders=dict(drop=2, active=2, noise=2, cut_out=2, worst=0), rampup=0.0)
