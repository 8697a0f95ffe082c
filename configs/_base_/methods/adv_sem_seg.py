# AdvSemSeg (Hung et al., BMVC 2018) as its code with the options of its README: the adversarial
# term counts 0.01 on labeled and 0.001 on unlabeled images, the network's own labels 0.1 where the
# discriminator believes them (0.2), from a quarter of the training on (iteration 5000 of 20000).
# A leaf gives the discriminator its optimizer:
#     paramwise_cfg=dict(parts=_base_.optimizer_parts), constructor='PartwiseConstructor'
# Ours: what counts as ground truth for the discriminator are the labels of the same batch (there:
# of another one); padding is left out of all terms (there: only what has no label).
model = dict(
    type='AdvSemSegSegmentor',
    discriminator=dict(type='ConvDiscriminator', channels=(64, 128, 256, 512)),
    weights=(0.01, 0.001, 0.1),
    semi_begin=0.25,
    filter=dict(type='Threshold', value=0.2),
    joint_forward=False,
)
optimizer_parts = dict(discriminator=dict(type='Adam', lr=1e-4, betas=(0.9, 0.99)))
views = dict(weak=[])
