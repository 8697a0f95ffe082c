# PixCon (Tarubinga, arXiv:2607.03068) as its code: UniMatch V2, and a contrast of labeled pixels
# that the student predicts right with a bank of such pixels, 256 of each class; its weight is 0.1.
# Ours: the projector gets what the classifier's last layer gets (there: what the head's first layer
# gets); banks gather from all processes; the rest is our UniMatch V2 (there: a variant of it).
_base_ = './unimatch_v2.py'
model = dict(
    type='ContrastSegmentor',
    contrast=dict(type='CleanContrast', anchors=64, most=1024, temperature=0.1, size=256),
    projector=dict(
        type='ConvProjector',
        channels=256,
        out_channels=256,
        num_convs=1,
        kernel_size=1,
        dropout=0.0,
    ),
    contrast_weight=0.1,
    contrast_covers='labeled',
)
