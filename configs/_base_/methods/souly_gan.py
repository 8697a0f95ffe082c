# Souly et al., ICCV 2017: a reconstruction. Only abstract and introduction could be read, and no
# code was found. Theirs are the segmentor as discriminator of pixels with a class "fake", and the
# generator of images.
# Ours: the losses (Salimans et al. 2016, carried over to pixels), the fixed logit 0 of "fake", the
# generator's layers, all numbers; generated images move no running statistics of the segmentor.
# A leaf gives the generator its optimizer:
#     paramwise_cfg=dict(parts=_base_.optimizer_parts), constructor='PartwiseConstructor'
model = dict(
    type='SoulyGANSegmentor',
    generator=dict(type='ImageGenerator', noise=100, channels=64, size=64),
    weight=1.0,
    joint_forward=False,
)
optimizer_parts = dict(generator=dict(type='Adam', lr=2e-4, betas=(0.5, 0.999)))
views = dict(weak=[])
