# S4GAN (Mittal et al., TPAMI 2021) as its code trains on VOC: the discriminator's mean features are
# matched with 0.1, the network's own labels count 1 on images whose score is above 0.6
# (Cityscapes 0.7, and a rate of 1e-5 for the discriminator).
# A leaf gives the discriminator its optimizer:
#     paramwise_cfg=dict(parts=_base_.optimizer_parts), constructor='PartwiseConstructor'
# Ours: what counts as ground truth for the discriminator are the labels of the same batch (there:
# of another one), seen once for both of its terms (there: twice, with other dropout); their images
# are scaled by their own range (there: in part by that of another batch); padding is left out of
# the network's own labels; these count from the first iteration on (there: the second). The
# second network of the paper, MLMT, has a run of its own: configs/s4gan/README.md.
model = dict(
    type='S4GANSegmentor',
    discriminator=dict(type='ImageDiscriminator', channels=(64, 128, 256, 512), dropout=0.5),
    matching_weight=0.1,
    weight=1.0,
    filter=dict(type='Threshold', value=0.6),
    joint_forward=False,
)
optimizer_parts = dict(discriminator=dict(type='Adam', lr=1e-4, betas=(0.9, 0.99)))
views = dict(weak=[])
