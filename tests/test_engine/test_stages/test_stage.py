"""Small parts: differences in words, hashes of weights, milestones; wrong lists of stages."""

import pytest
import torch

from semiseg_mm.apis.cli import build_runner
from semiseg_mm.engine.hooks.atomic_checkpoint_hook import milestone_steps
from semiseg_mm.engine.stages.stage import differences
from semiseg_mm.engine.stages.train import weights_hash
from semiseg_mm.errors import UserError
from semiseg_mm.testing import toy_config
from semiseg_mm.testing.stages import run_stages, toy_stages

# ------------------------------------------------------------------ parts


@pytest.mark.parametrize(
    'before, now, sentences',
    [
        (dict(a=1), dict(a=1), []),
        (dict(a=dict(b=1, c=2)), dict(a=dict(b=1, c=3)), ['a.c was 2, is 3']),
        (dict(), dict(a='x'), ['a was null, is x']),
        (dict(a=[1, 2]), dict(a=[1]), ['a was [1, 2], is [1]']),
        (dict(a=[dict(b=1), dict(b=2)]), dict(a=[dict(b=1), dict(b=3)]), ['a.1.b was 2, is 3']),
        (dict(a='x' * 50), dict(a=1), [f'a was {"x" * 36} …, is 1']),
        (
            dict(uses={'t.1': 'f'}),
            dict(uses={'t.1': 'g'}),
            ["what it takes from 't.1' has changed"],
        ),
        (
            dict(images=dict(unlabeled=dict(count=2, sha256='f'))),
            dict(images=dict(unlabeled=dict(count=3, sha256='g'))),
            ['images.unlabeled.count was 2, is 3', 'images.unlabeled: other images'],
        ),
    ],
)
def test_differences(before, now, sentences):
    assert list(differences(before, now)) == sentences


def test_the_hash_is_of_names_and_values_alone(tmp_path):
    state = dict(a=torch.ones(2, 3), b=torch.tensor(5), c=torch.tensor([True]))

    def of(state, **extra):
        torch.save(dict(state_dict=state, **extra), tmp_path / 'x.pth')
        return weights_hash(str(tmp_path / 'x.pth'))

    expected = of(state, meta=dict(time=1))
    assert of(dict(reversed(state.items())), meta=dict(time=2)) == expected
    assert of(dict(state, b=torch.tensor(6))) != expected
    assert of(dict(state, d=torch.ones(1))) != expected
    assert of({'x': state['a'], **{key: state[key] for key in 'bc'}}) != expected


def test_milestones():
    assert milestone_steps((1 / 3, 2 / 3), 100) == [33, 67]
    assert milestone_steps((1 / 3, 2 / 3), 2) == [1, 1]
    assert milestone_steps((0.01,), 10) == [1]
    assert milestone_steps((), 10) == []


def test_milestones_are_saved_and_survive_the_deletion_of_old_checkpoints(tmp_path):
    cfg = toy_config(tmp_path, dict(type='SupOnly'), max_iters=9, val_cfg=None)
    cfg.update(val_dataloader=None, val_evaluator=None)
    cfg.default_hooks.checkpoint = dict(
        type='AtomicCheckpointHook', interval=2, max_keep_ckpts=1, milestones=(1 / 3, 2 / 3)
    )
    build_runner(cfg).train()
    names = {path.name for path in tmp_path.glob('iter_*.pth')}
    assert names == {'iter_3.pth', 'iter_6.pth', 'iter_9.pth'}


# ------------------------------------------------------------------ wrong lists


def changed(number, **options):
    def change(cfg):
        cfg.stages[number].update(options)

    return change


WRONG = {
    "uses 'teecher', but the stages before it are teacher": changed(1, checkpoints_of='teecher'),
    "uses 'student', but the stages before it are teacher, ranking": changed(2, teacher='student'),
    "network of 'ranking', which is no TrainStage": changed(2, teacher='ranking'),
    "labels of 'first_student', which is a TrainStage": changed(5, labels=['first_student']),
    "name 'labeels', which is neither a stage before it .* nor a folder": changed(
        5, labels=['labeels']
    ),
    "Two stages are called 'ranking'": changed(2, name='ranking'),
    "a stage's name becomes that of its folder, which 'a/b' cannot be": changed(0, name='a/b'),
    r"images='ranking/relieble.txt' is no list .* are reliable\.txt, rest\.txt": changed(
        2, images='ranking/relieble.txt'
    ),
    "compares checkpoints: give stage 'teacher'": changed(0, milestones=()),
    "network='teacher' is none of student": changed(2, network='teacher'),
    "select='best' needs": lambda cfg: (
        changed(2, select='best')(cfg),
        cfg.default_hooks.checkpoint.pop('save_best'),
    ),
    'stores no confidences': changed(3, filters=[dict(type='IgnoreUncertain', threshold=0.5)]),
    'unlabeled is not set': lambda cfg: cfg.train_dataloader.dataset.pop('unlabeled'),
    'needs a list of stages in the config': lambda cfg: cfg.pop('stages'),
    'share=1.5 is not between': changed(1, share=1.5),
    'quota needs confidence=True': changed(2, quota=0.5),
}


@pytest.mark.parametrize('sentence', WRONG)
def test_wrong_lists_are_refused_before_anything_is_trained(sentence, tmp_path):
    cfg = toy_stages(tmp_path / 'run')
    WRONG[sentence](cfg)
    with pytest.raises(UserError, match=f'(?i){sentence}'):
        run_stages(cfg)
    assert not (tmp_path / 'run').exists()
