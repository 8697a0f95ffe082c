# DMT (Feng et al., Pattern Recognition 2022) as its code: two networks are trained on the labels.
# Then, in five phases, each learns what the other one of the phase before says of the unlabeled
# images, from where it stopped: the most confident 20, 40, …, 100 % of each class. Labels whose
# network is less sure than the student count nothing, the others by the student's probability.
# Ours: the networks differ by their seeds (there: by weights of COCO and of ImageNet, or by halves
# of the labels); last checkpoints label (there: those best on the validation images); confidences
# have 8 bits.
model = dict(
    type='DMTSegmentor',
    unsupervised=dict(type='MutualCrossEntropy', agree=5.0, disagree=5.0),
    joint_forward=True,
)
views = dict(pseudo=[])


def labels_of(name, quota):
    return dict(
        type='LabelStage',
        name=f'{name}_labels',
        teacher=name,
        confidence=True,
        quota=quota,
        balance='class',
        select='last',
    )


def student(name, phase, teacher, seed):
    filters = [dict(type='IgnoreUncertain', thresholds=f'{teacher}_labels/thresholds.json')]
    return dict(
        type='TrainStage',
        name=f'{name}{phase}',
        labels=f'{teacher}_labels',
        filters=filters,
        init=f'{name}{phase - 1}',
        seed=seed,
    )


def phase(number, quota):
    a, b = f'a{number - 1}', f'b{number - 1}'
    return [
        labels_of(b, quota),
        student('a', number, b, 0),
        labels_of(a, quota),
        student('b', number, a, 1),
    ]


stages = [
    dict(type='TrainStage', name='a0', sup_only=True, seed=0),
    dict(type='TrainStage', name='b0', sup_only=True, seed=1),
    *phase(1, 0.2),
    *phase(2, 0.4),
    *phase(3, 0.6),
    *phase(4, 0.8),
    *phase(5, 1.0),
]
