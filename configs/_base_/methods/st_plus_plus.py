# ST++ (Yang et al., CVPR 2022), as the official code: images on which the teacher's checkpoints
# at 1/3 and 2/3 of the training agree with the last one come first; the student of that half
# labels the other half; the second student trains on all, from its initialisation.
# The networks that label are last checkpoints (select='best' is what the official code takes).
_base_ = './st.py'
averaged = _base_.averaged
stages = [
    dict(type='TrainStage', name='teacher', sup_only=True, milestones=(1 / 3, 2 / 3)),
    dict(type='RankStage', name='ranking', checkpoints_of='teacher', share=0.5),
    dict(
        type='LabelStage',
        name='reliable_labels',
        teacher='teacher',
        images='ranking/reliable.txt',
        select='last',
        **averaged,
    ),
    dict(type='TrainStage', name='first_student', labels='reliable_labels'),
    dict(
        type='LabelStage',
        name='other_labels',
        teacher='first_student',
        images='ranking/rest.txt',
        select='last',
        **averaged,
    ),
    dict(type='TrainStage', name='student', labels=['reliable_labels', 'other_labels']),
]
