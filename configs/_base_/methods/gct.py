# GCT (Ke et al., ECCV 2020) as its code, PixelSSL, trains on VOC with DeepLabV2: the consistency
# counts 100 and rises over 3 of 20 epochs, the flaw correction counts 1, the detector's loss 10.
# A leaf gives the detector its optimizer:
#     paramwise_cfg=dict(parts=_base_.optimizer_parts), constructor='PartwiseConstructor'
# Its rate is 1e-4 for each GPU there, so 4e-4 on four.
# Ours: each network has one forward an iteration, whose prediction is judged and learned from
# (there: one without and one with a gradient, with other dropout, and BatchNorm's statistics move
# twice); all networks step at once (there: one after the other); padding is left out of all terms
# (there: it is background); an image without flaws is 0 everywhere (there: a constant below 0,
# so that one network may copy the other one); the detector's own loss sees what it found (there:
# negative values have become 0).
model = dict(
    type='GCTSegmentor',
    detector=dict(
        type='FlawDetector',
        channels=(64, 128, 128, 256, 256, 512, 512),
        strides=(2, 2, 1, 2, 1, 2, 1),
    ),
    weight=100.0,
    rampup=0.15,
    correction_weight=1.0,
    detector_weight=10.0,
    threshold=0.6,
    joint_forward=True,
)
optimizer_parts = dict(detector=dict(type='Adam', lr=4e-4, betas=(0.9, 0.99)))
views = dict(weak=[])
