# CCT (Ouali et al., CVPR 2020) as its code: 30 decoders of changed features beside the network's
# last layer, weight 30 that rises over a tenth of the training, no threshold. The paper's decoders
# enlarge by pixel shuffling: that is the network's last layer in pspnet_r50-d8_shuffle.
# Ours: padding is not compared; boxes of objects are found on a copy of at most 40 x 40 cells, and
# those below 1 % of the image are left alone (there: contours of at most 50 points); the search for
# the worst features begins at a distance of 0.01 (root mean square), there 1e-9.
model = dict(
    type='CCTSegmentor',
    perturbations=dict(
        drop=dict(type='DropChannels', p=0.5),
        active=dict(type='DropActive', above=(0.7, 0.9)),
        noise=dict(type='NoisyFeatures', reach=0.3),
        cut_out=dict(type='CutOutObjects', erase=0.4),
        context=dict(type='KeepObjects'),
        objects=dict(type='RemoveObjects'),
        worst=dict(type='WorstFeatures', radius=2.0),
    ),
    decoders=dict(drop=6, active=6, noise=6, cut_out=6, context=2, objects=2, worst=2),
    weight=30.0,
    rampup=0.1,
    background=0,
    filter=None,
    unsupervised=dict(type='ProbabilityMSE'),
    joint_forward=False,
)
views = dict(weak=[])
