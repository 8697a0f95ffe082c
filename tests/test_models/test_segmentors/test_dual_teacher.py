import copy
from types import SimpleNamespace

import pytest
import torch
import torch.nn.functional as F

from semiseg_mm.engine import MeanTeacherHook
from semiseg_mm.errors import UserError
from semiseg_mm.registry import MODELS
from semiseg_mm.structures import MixMask
from semiseg_mm.testing import toy_batch, toy_network

SHARE = dict(type='ConfidentShare', value=0.4)
LESSONS = [
    dict(view='weak', mixer=dict(type='BoxMix'), filter=dict(SHARE, of='image')),
    dict(view='strong', mixer=dict(type='ClassMix'), filter=SHARE),
]


def build(**kwargs):
    torch.manual_seed(0)
    cfg = dict(type='DualTeacher', segmentor=toy_network(), lessons=LESSONS)
    return MODELS.build({**cfg, 'filter': dict(type='Threshold', value=0.4), 'turns': 4, **kwargs})


def logits_of(net, images):
    return F.interpolate(net._forward(images), (16, 16), mode='bilinear')


@pytest.mark.parametrize(('iteration', 'number'), [(0, 0), (1, 0), (2, 1), (4, 0), (7, 1)])
def test_loss_is_that_of_the_teacher_whose_turn_it_is(iteration, number):
    """Eight iterations, four turns: teachers 0 0 1 1 0 0 1 1. The first one mixes weak views, and
    an image counts as much as it has sure pixels; the second one strong views, the batch as much.
    """
    model = build().eval()
    for name in model.teachers:
        for parameter in model.networks[name].parameters():
            parameter.data.add_(0.3 * torch.randn_like(parameter))
    model.iteration, model.max_iters = iteration, 8
    mask = torch.zeros(2, 16, 16, dtype=torch.bool)
    mask[:, 2:9, 4:12] = True
    for lesson in model.lessons:
        lesson.mixer.draw = lambda images, target: MixMask(mask, torch.tensor([1, 0]))
    data = model.data_preprocessor(toy_batch(), True)
    teacher = copy.deepcopy(model.networks[f'teacher_{number}']).train()  # before its norms move
    torch.manual_seed(1)  # of the dropout
    found = model(**data, mode='loss')

    torch.manual_seed(1)
    images, samples = data['inputs'], data['data_samples']
    valid = torch.cat([sample.valid.data for sample in samples['weak']])
    confidence, label = logits_of(teacher, images['weak']).softmax(1).max(1)
    student, view = model.networks['student'], LESSONS[number]['view']
    pixels = F.cross_entropy(logits_of(student, images['strong']), label, reduction='none')
    strong = (pixels * (confidence >= 0.4) * valid).sum() / valid.sum()
    torch.testing.assert_close(found['loss_strong'], 0.2 * strong)
    seen = torch.where(mask[:, None], images[view].flip(0), images[view])
    label, confidence = (torch.where(mask, x.flip(0), x) for x in (label, confidence))
    pixels = F.cross_entropy(logits_of(student, seen), label, reduction='none')
    sure = ((confidence >= 0.4) & valid).float()
    share = sure.sum((1, 2)) / 225 if number == 0 else sure.sum().expand(2) / 450
    expected = (pixels * share[:, None, None] * valid).sum() / valid.sum()
    torch.testing.assert_close(found['loss_mixed'], expected)


def train(model, iterations, first=0, without=None):
    """Eight iterations of a student whose weights are 1, 2, 3, …; returns the teachers' weights.

    In the iteration ``without`` the optimizer makes no step.
    """
    hook = MeanTeacherHook(decay=0.9, buffers='keep', turns=4)
    runner = SimpleNamespace(
        model=model, iter=first, max_iters=8,
        optim_wrapper=SimpleNamespace(should_update=lambda: runner.iter != without),
    )  # fmt: skip
    hook.before_train(runner)
    found = []
    for runner.iter in range(first, iterations):
        for parameter in model.networks['student'].parameters():
            parameter.data.fill_(runner.iter + 1)
        hook.after_train_iter(runner, 0)
        weights = [next(iter(model.networks[n].parameters())) for n in model.teachers]
        found.append(tuple(round(float(w.flatten()[0]), 6) for w in weights))
    return found


def test_teachers_follow_in_turn_and_start_anew_from_the_student():
    """In its turn of two iterations a teacher is the student, then the mean of both."""
    model = build()
    for name in model.networks:
        for parameter in model.networks[name].parameters():
            parameter.data.zero_()
    half = copy.deepcopy(model)
    whole = train(model, 8)
    first, second = zip(*whole, strict=True)
    assert first == (1, 1.5, 1.5, 1.5, 5, 5.5, 5.5, 5.5)
    assert second == (0, 0, 3, 3.5, 3.5, 3.5, 7, 7.5)
    first = train(half, 3)
    resumed = build()
    resumed.load_state_dict(half.state_dict())
    assert first + train(resumed, 8, first=3) == whole


def test_a_turn_that_is_resumed_before_its_first_step_leaves_the_teachers_alone():
    """The third iteration is the first of a turn, and accumulates gradients."""
    model, resumed = build(), build()
    before = train(model, 3, without=2)[-1]
    resumed.load_state_dict(model.state_dict())
    (after,) = train(resumed, 4, first=3)
    assert after == (before[0], 4.0)  # the second one starts from the student


@pytest.mark.parametrize(
    ('hook', 'model', 'says'),
    [
        (dict(turns=3), {}, 'take 4 turns, MeanTeacherHook has turns=3'),
        (dict(turns=1), dict(turns=1), '2 lessons, 1 turns: give some, each a turn'),
        (dict(turns=4), dict(lessons=[]), '0 lessons, 4 turns: give some'),
    ],
)
def test_turns_that_do_not_fit_are_refused(hook, model, says):
    with pytest.raises(UserError, match=says):
        MeanTeacherHook(**hook).before_train(SimpleNamespace(model=build(**model), iter=0))
