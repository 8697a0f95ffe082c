"""Small parts: differences in words, hashes of weights, milestones; wrong lists of stages."""

import multiprocessing
import re
from datetime import timedelta

import pytest
import torch
from mmengine.config import Config
from mmengine.dist import init_dist

from semiseg_mm.apis.cli import run_train
from semiseg_mm.engine.hooks.atomic_checkpoint_hook import milestone_steps
from semiseg_mm.engine.keys import differences, weights_hash
from semiseg_mm.engine.runner import build_runner
from semiseg_mm.errors import UserError
from semiseg_mm.testing import toy_config, toy_network
from semiseg_mm.testing.stages import METHODS, run_stages, toy_stages
from semiseg_mm.utils.lock import locked

CONFIGS = METHODS.parent

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
    assert milestone_steps((0.01, 1 / 3, 2 / 3, 1), 102, 4) == [4, 32, 68, 102]  # those with a step


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


def filtered(thresholds=None, **options):
    step = dict(type='IgnoreUncertain', thresholds=thresholds, **options)
    return lambda cfg: (
        changed(2, confidence=True)(cfg),
        changed(3, filters=[step])(cfg),
    )


SOFT = dict(type='SelfTrainingSegmentor', soft=True)
LOSS = dict(type='CrossEntropyLoss', use_sigmoid=True)
BINARY = dict(
    num_classes=2, segmentor=dict(decode_head=dict(out_channels=1, threshold=0.5, loss_decode=LOSS))
)
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
    "network='teacher' of stage 'reliable_labels' is none of 'student'": changed(
        2, network='teacher'
    ),
    "select='best' needs": lambda cfg: (
        changed(2, select='best')(cfg),
        cfg.default_hooks.checkpoint.pop('save_best'),
    ),
    'stores no confidences': changed(3, filters=[dict(type='IgnoreUncertain', threshold=0.5)]),
    'unlabeled is not set': lambda cfg: cfg.train_dataloader.dataset.pop('unlabeled'),
    'needs a list of stages in the config': lambda cfg: cfg.pop('stages'),
    'share=1.5 is not between': changed(1, share=1.5),
    'quota needs confidence=True': changed(2, quota=0.5),
    'with sup_only=True no unlabeled image is seen': changed(3, sup_only=True),
    r'model\.soft=True needs the confidences': changed(3, cfg=dict(model=SOFT)),
    'wieght is not an argument of SelfTrainingSegmentor: did you mean .weight': changed(
        5, cfg=dict(model=dict(SOFT, soft=False, wieght=2))
    ),
    'limit is not an argument of IgnoreUncertain': filtered(limit=0.5),
    'use reliable_labels/x.json, which .* does not write': filtered('reliable_labels/x.json'),
    'use lebels/x.json, which is neither a file nor of a stage': filtered('lebels/x.json'),
    'head with out_channels=1 has no class probabilities': changed(0, cfg=dict(model=BINARY)),
    "no weight of 'teacher' fits its network": changed(
        3, init='teacher', cfg=dict(model=dict(segmentor=toy_network(7, channels=5)))
    ),
}


@pytest.mark.parametrize('sentence', WRONG)
def test_wrong_lists_are_refused_before_anything_is_trained(sentence, tmp_path, capfd):
    cfg = toy_stages(tmp_path / 'run')
    WRONG[sentence](cfg)
    cfg.dump(tmp_path / 'wrong.py')
    assert run_train([str(tmp_path / 'wrong.py')]) == 1
    assert re.search(f'(?i)error: .*{sentence}', capfd.readouterr().err)
    assert not (tmp_path / 'run').exists()


def test_too_few_images_to_rank_are_noticed_before_the_teacher_trains(tmp_path):
    cfg = toy_stages(tmp_path / 'run')
    cfg.train_dataloader.dataset.unlabeled.num_images = 1
    with pytest.raises(UserError, match=r'share=0\.5 of 1 images is none'):
        run_stages(cfg)
    assert not (tmp_path / 'run/01_teacher').exists()


def hold(folder, held, done):
    with locked(folder, inherited=False):
        held.set()
        done.wait(60)


def test_a_second_call_in_the_same_work_dir_is_refused(tmp_path):
    folder, fork = tmp_path / 'run', multiprocessing.get_context('fork')
    held, done = fork.Event(), fork.Event()
    other = fork.Process(target=hold, args=(folder, held, done))
    other.start()
    assert held.wait(10)
    with pytest.raises(UserError, match='in use by another call'):
        run_stages(toy_stages(folder))
    done.set()
    other.join()
    assert not (tmp_path / 'run/01_teacher').exists()


# ------------------------------------------------------------------ configs


def test_processes_wait_longer_for_each_other_than_a_labelling_may_take(monkeypatch):
    options = Config.fromfile(CONFIGS / 'staged_runtime.py').env_cfg.dist_cfg
    given = {}
    for name in ('RANK', 'LOCAL_RANK'):
        monkeypatch.setenv(name, '0')
    monkeypatch.setattr('torch.cuda.set_device', lambda _: None)
    monkeypatch.setattr('torch.distributed.init_process_group', lambda **kw: given.update(kw))
    init_dist('pytorch', **options)
    assert given['backend'] == 'nccl' and given['timeout'] >= timedelta(hours=2)


@pytest.mark.parametrize('method', ['st', 'st_plus_plus'])
def test_whole_images_of_cityscapes_are_labeled_one_at_a_time(method):
    for leaf in (CONFIGS.parent / method).glob('*_cityscapes-*.py'):
        stages = [s for s in Config.fromfile(leaf).stages if s.type != 'TrainStage']
        assert stages and all(stage.batch_size == 1 for stage in stages)
