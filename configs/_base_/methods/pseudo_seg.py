# PseudoSeg (Zou et al., ICLR 2021) as its code: the network itself labels the weak view, by its
# decoder and by the attention map of a classifier of images, half and half, sharpened; soft cross
# entropy on a strong view with a square cut out, without a threshold.
# Ours: opinions are joined at the size of the images (there: of the decoder, a quarter); the
# square lies within the image (there: its centre does) and is 3.8 % of it, 100 of 513 pixels;
# attention takes the two coarsest levels that the backbone gives (there: the outputs of its last
# two blocks, which are the same levels of a ResNet); no dropout before the classifier (there:
# with Xception). Image-level labels of unlabeled images cannot be given (there: an option).
model = dict(
    type='PseudoSegSegmentor',
    strong_views=('strong',),
    mixer=dict(type='BoxMix', area=(0.038, 0.038), ratio=(1, 1), partner='nobody'),
    cam=dict(type='AttentionCam', background=True, channels=128),
    pseudo_label=dict(type='SoftPseudoLabel'),
    temperature=0.5,
    min_score=0.5,
    weight=1.0,
)
views = dict(
    weak=[], strong=[dict(type='StrongView', jitter_prob=1.0, gray_prob=0.0, blur_prob=0.0)]
)
