# iMAS (Zhao et al., CVPR 2023) as its code: how easy an image is (agreement of student and teacher,
# times the shares of sure pixels) blends its strong view with its weak one, weighs its loss, and
# pairs images for CutMix of the weak views, which a batch gets with the mean as probability.
# The teacher labels in eval mode; labeled, weak, mixed and strong images share a forward. A leaf
# lets the teacher equal the student in the first epoch (MeanTeacherHook.begin).
# Ours: where a batch gets no CutMix, its weak images are seen twice, without a loss (there: once);
# padding never counts.
model = dict(
    type='IMASSegmentor',
    mixer=dict(type='BetaBoxMix', side=(0.1, 0.9), margin=1 / 16),
    threshold=0.95,
    without=[0],
    weight=3.0,
    unsupervised=dict(type='MaskedCrossEntropy', over='all'),
    joint_forward=True,
)
custom_hooks = [dict(type='MeanTeacherHook', decay=0.996, warmup=True, buffers='ema')]
every = ['identity', 'autocontrast', 'equalize', 'invert', 'blur', 'contrast', 'brightness']
every += ['color', 'sharpness', 'posterize', 'solarize', 'hue']
views = dict(weak=[], strong=[dict(type='RandomOps', count=2, ops=every)])
