# Self-training (Zhu et al. 2020): a teacher trained on the labels, its labels for all unlabeled
# images, a student trained from scratch on both, plain cross entropy. Reconstruction, unverified:
# the paper's text was not at hand. What it would settle (labels hard or soft, a threshold, the
# teacher's scales, the weight) are the values below.
model = dict(type='SelfTrainingSegmentor', weight=1.0, soft=False, joint_forward=True)
views = dict(pseudo=[])
centroid_sampler = dict(type='CentroidSampler', fraction=0.5)  # train_dataloader.sampler of a leaf
rounds = 1  # more: the student labels the images anew for the next student
stages = [
    dict(type='TrainStage', name='teacher', sup_only=True),
    dict(
        type='LabelStage',
        name='labels',
        teacher='teacher',
        scales=(0.5, 1.0, 2.0),
        flip=True,
        confidence=True,
        batch_size=1,  # whole images, at twice their size
        repeat=True,
    ),
    dict(type='TrainStage', name='student', labels='labels', repeat=True),
]
