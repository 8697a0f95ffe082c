# ClassMix (Olsson et al., WACV 2021) as its code on Cityscapes: half of the classes that an EMA
# teacher in train mode predicts, rounded down, are pasted on the next image; then colours change.
# The loss of all pixels counts as much as the mixed batch has confident ones. On VOC the code
# changes no colours (colours=None).
# Ours: an image gets the next one's classes (there: it lends its own to the next one); each image
# is blurred or not by itself, and colours change as torchvision does it (there: one draw for the
# batch, Kornia); padding is not learned from.
colours = dict(brightness=0.25, contrast=0.25, saturation=0.25, hue=0.25, gray_prob=0)
model = dict(
    type='WeakToStrongSegmentor',
    teacher='ema',
    label_in_train_mode=True,
    strong_views=('strong',),
    mixer=dict(type='ClassMix', share=0.5, rounding='floor', partner='next'),
    colours=dict(type='BatchColours', sigma=(0.15, 1.15), **colours),
    filter=dict(type='ConfidentShare', value=0.968),
    unsupervised=dict(type='MaskedCrossEntropy', over='all'),
    weight=1.0,
)
custom_hooks = [dict(type='MeanTeacherHook', decay=0.99, warmup=True, buffers='keep')]
views = dict(weak=[], strong=[])
# For a network that is trained from scratch: strong colours, a slow start; a faster teacher.
colours = dict(brightness=0.5, contrast=0.5, saturation=0.5, sigma=(0.1, 1.0))
scratch = dict(colours=colours, rampup_iters=850)
faster = dict(type='MeanTeacherHook', decay=0.98, warmup=True, buffers='keep')
