# DCC (Lai et al., CVPR 2021) as its code: two crops of each unlabeled image that overlap; of two
# cells at one place the less sure one is pulled to the surer one, if that is surer than 0.75.
# A leaf gives the sampler what makes such crops: sampler=dict(**_base_.sampler_options, …); its
# `unlabeled` counts crops, two of an image.
# Ours: cells that are not all image are neither compared nor negatives (there: no part of the
# overlap, but negatives); crops are apart by whole strides up to half a pixel of the image; both
# share a forward.
model = dict(
    type='DCCSegmentor',
    projector=dict(
        type='ConvProjector',
        channels=256,
        out_channels=128,
        num_convs=1,
        kernel_size=1,
        dropout=0.0,
        norm_cfg=None,
    ),
    contrast=dict(
        type='DirectionalContrast',
        temperature=0.1,
        threshold=0.75,
        negatives=6400,
        remembered=1,
    ),
    contrast_weight=0.1,
    stride=8,
    supervised_until=0.0,
    joint_forward=[['labeled'], ['first', 'second']],
)
sampler_options = dict(crops=2, overlap=[0.1, 1.0], stride=8)
views = dict(
    weak=[
        dict(
            type='StrongView',
            brightness=0.4,
            contrast=0.4,
            saturation=0.4,
            hue=0.1,
            jitter_prob=0.8,
            gray_prob=0.2,
            blur_prob=0.5,
            sigma=(1.1, 1.1),
        ),
    ],
)
