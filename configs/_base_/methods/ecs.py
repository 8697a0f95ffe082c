# ECS (Mendel et al., ECCV 2020): a reconstruction. Only abstract and introduction could be read,
# and no code was found. Theirs are the corrector, what it learns, that it regularises the network
# on labeled images, and that labels are combined of both and weighed by its certainty.
# Ours: how that is written down, the corrector's layers, all numbers, one step of both at once.
# A leaf gives the corrector its optimizer:
#     paramwise_cfg=dict(parts=_base_.optimizer_parts), constructor='PartwiseConstructor'
model = dict(
    type='ECSSegmentor',
    corrector=dict(type='ConvCorrector', channels=(64, 128, 256, 512), strides=(2, 2, 1, 1)),
    weight=1.0,
    praise_weight=0.1,
    joint_forward=False,
)
optimizer_parts = dict(corrector=dict(type='Adam', lr=1e-4, betas=(0.9, 0.99)))
views = dict(weak=[])
