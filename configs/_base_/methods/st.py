# ST (Yang et al., CVPR 2022), as the official code: labels from five scales and flips, without a
# threshold; the student starts from its initialisation and sees pseudo-labeled images with strong
# colours and CutOut, human-labeled ones with the weak view only; one loss on a mixed batch.
# The teacher that labels is the last checkpoint (select='best' is what the official code takes).
model = dict(type='STPlusPlusSegmentor')
views = dict(pseudo=[dict(type='StrongView'), dict(type='CutOut')])
averaged = dict(scales=(0.5, 0.75, 1.0, 1.5, 2.0), flip=True)
stages = [
    dict(type='TrainStage', name='teacher', sup_only=True),
    dict(type='LabelStage', name='labels', teacher='teacher', select='last', **averaged),
    dict(type='TrainStage', name='student', labels='labels'),
]
