from types import SimpleNamespace

import pytest
import torch

from semiseg_mm.engine import MeanTeacherHook
from semiseg_mm.engine.checkpoint import safe_load
from semiseg_mm.engine.runner import build_runner
from semiseg_mm.errors import UserError
from semiseg_mm.registry import MODELS
from semiseg_mm.testing import toy_config, toy_network


@pytest.fixture
def model():
    """Every weight and every BatchNorm mean of the teacher is 1, of the student 3."""
    model = MODELS.build(dict(type='MeanTeacher', segmentor=toy_network()))
    for name, value in (('teacher', 1.0), ('student', 3.0)):
        for tensor in (*model.networks[name].parameters(), *model.networks[name].buffers()):
            tensor.data.fill_(value)
    return model


def values(tensors) -> set[float]:
    return {float(x) for tensor in tensors for x in tensor.flatten()}


def test_decay_is_the_share_of_the_teacher_that_is_kept(model):
    """0.75 * 1 + 0.25 * 3 = 1.5"""
    MeanTeacherHook(decay=0.75, warmup=False).update(model)
    assert values(model.networks['teacher'].parameters()) == {1.5}
    assert values(model.networks['student'].parameters()) == {3.0}


def test_warmup_follows_one_minus_one_over_t_plus_one(model):
    """t = 0: decay 0, so 3. t = 1: decay 1/2; with the student at 7: (3 + 7) / 2 = 5.
    t = 2: min(2/3, 0.6) = 0.6; with the student at 0: 0.6 * 5 = 3."""
    hook = MeanTeacherHook(decay=0.6, warmup=True)
    for student, expected in ((3.0, 3.0), (7.0, 5.0), (0.0, 3.0)):
        for parameter in model.networks['student'].parameters():
            parameter.data.fill_(student)
        hook.update(model)
        (value,) = values(model.networks['teacher'].parameters())
        assert value == pytest.approx(expected)
    assert model.teacher_steps == 3


@pytest.mark.parametrize(
    'policy, floats, counts', [('copy', 3, 3), ('ema', 1.5, 3), ('keep', 1, 1)]
)
def test_buffers_follow_their_policy(model, policy, floats, counts):
    """Averages are for running statistics; counters are copied or kept."""
    MeanTeacherHook(decay=0.75, warmup=False, buffers=policy).update(model)
    buffers = list(model.networks['teacher'].buffers())
    assert values(b for b in buffers if b.is_floating_point()) == {floats}
    assert values(b for b in buffers if not b.is_floating_point()) == {counts}


@pytest.mark.parametrize('policy', ['copy', 'ema', 'keep'])
def test_decay_1_freezes_weights_and_buffers(model, policy):
    hook = MeanTeacherHook(decay=1, warmup=True, buffers=policy)
    for _ in range(3):
        hook.update(model)
    assert values(model.networks['teacher'].state_dict().values()) == {1}
    assert model.teacher_steps == 3


@pytest.mark.parametrize(('count_all', 'decay'), [(False, 0.0), (True, 2 / 3)])
def test_until_it_begins_the_teacher_equals_the_student_buffers_too(model, count_all, decay):
    """Two of four iterations. Then the warm-up begins (t = 0), or is in its third step (t = 2)."""
    hook = MeanTeacherHook(decay=0.9, buffers='keep', begin=0.5, count_all=count_all)
    runner = SimpleNamespace(
        model=model, max_iters=4, optim_wrapper=SimpleNamespace(should_update=lambda: True)
    )
    student, teacher = model.networks['student'], model.networks['teacher']
    for runner.iter in range(3):
        for tensor in student.state_dict().values():
            tensor.fill_(runner.iter)
        hook.after_train_iter(runner, runner.iter)
        if runner.iter < 2:
            assert values(teacher.state_dict().values()) == {runner.iter}
    (value,) = values(teacher.parameters())
    assert value == pytest.approx(decay * 1 + (1 - decay) * 2)


@pytest.mark.parametrize('wrong', [dict(buffers='average'), dict(decay=1.5)])
def test_wrong_arguments_are_refused(wrong):
    with pytest.raises(UserError, match=next(iter(wrong))):
        MeanTeacherHook(**wrong)


def test_it_asks_for_a_teacher():
    runner = SimpleNamespace(model=MODELS.build(dict(type='SupOnly', segmentor=toy_network())))
    with pytest.raises(UserError, match='no teacher in SupOnly'):
        MeanTeacherHook().before_train(runner)


def run(tmp_path, **extra):
    hooks = [dict(type='MeanTeacherHook', decay=0.5)]
    cfg = toy_config(tmp_path, dict(type='MeanTeacher'), custom_hooks=hooks, **extra)
    runner = build_runner(cfg)
    runner.train()
    return runner


def test_accumulation_updates_once_per_optimizer_step(tmp_path):
    extra = {
        'optim_wrapper.accumulative_counts': 3,
        'default_hooks.checkpoint.interval': 3,
    }
    assert run(tmp_path, **extra).model.teacher_steps == 2  # 6 iterations / 3


def test_the_checkpoint_holds_the_teacher_after_its_update(tmp_path):
    """With decay 0.5 and one step, warm-up makes teacher and student equal: the update came
    after the optimizer step and before the checkpoint."""
    run(tmp_path, **{'train_cfg.max_iters': 1})
    state = safe_load(tmp_path / 'iter_1.pth')['state_dict']
    assert state['teacher_steps'] == 1
    for key, value in state.items():
        if key.startswith('networks.teacher.'):
            assert torch.equal(value, state[key.replace('teacher', 'student')]), key


def test_a_teacher_without_its_hook_stops_the_run(tmp_path):
    runner = build_runner(toy_config(tmp_path, dict(type='MeanTeacher')))
    with pytest.raises(UserError, match='teacher would never move'):
        runner.train()
