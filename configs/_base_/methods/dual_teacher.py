# Dual Teacher (Na et al., NeurIPS 2023) as its code: two temporary teachers take turns, one epoch
# each; in its turn a teacher starts anew from the student and follows it. The first one's labels
# reach the student by CutMix and colours, the second one's by ClassMix of colour views; both label
# the unmixed colour view as well. A turn is an epoch: turns are the epochs of the training.
# Ours: the share of confident pixels that weighs an image is taken after the mixing (there:
# before), mixed images are not flipped again, one pass of the teacher labels both (there: two).
turns = 200
jitter = dict(brightness=0.25, contrast=0.25, saturation=0.25, hue=0.25, gray_prob=0)
lessons = [
    dict(
        view='weak',
        mixer=dict(type='BetaBoxMix', beta=(4.0, 4.0), margin=1 / 8),
        colours=dict(type='BatchColours', sigma=(0.15, 1.15), **jitter),
        filter=dict(type='ConfidentShare', value=0.95, of='image'),
    ),
    dict(
        view='strong',
        mixer=dict(type='ClassMix', share=0.5, rounding='floor', partner='random'),
        filter=dict(type='ConfidentShare', value=0.95),
    ),
]
model = dict(
    type='DualTeacher',
    lessons=lessons,
    turns=turns,
    filter=dict(type='Threshold', value=0.95),
    weight=1.0,
    strong_weight=0.2,
    joint_forward=[['labeled', 'mixed'], ['strong']],
)
custom_hooks = [
    dict(type='MeanTeacherHook', decay=0.99, warmup=True, buffers='keep', turns=turns),
]
views = dict(weak=[], strong=[dict(type='StrongView', jitter_prob=1, blur_prob=0)])
