"""EarlyStoppingHook ends a training for good: with a checkpoint, a record, and no going on."""

import json
import shutil

import pytest
from mmengine.hooks import EarlyStoppingHook, Hook
from mmengine.registry import init_default_scope

from semiseg_mm.engine.checkpoint import safe_load
from semiseg_mm.engine.hooks.result_hook import is_finished
from semiseg_mm.engine.runner import build_runner
from semiseg_mm.errors import UserError
from semiseg_mm.registry import HOOKS
from semiseg_mm.testing import toy_config
from semiseg_mm.testing.stages import run_stages, toy_stages

JUDGE = dict(type='EarlyStoppingHook', monitor='student/mIoU', min_delta=1000.0, patience=2)


@HOOKS.register_module()
class Fail(Hook):
    """Ends as a crash does, in one iteration."""

    def __init__(self, iteration: int) -> None:
        self.iteration = iteration

    def before_train_iter(self, runner, batch_idx, data_batch=None) -> None:
        if runner.iter == self.iteration:
            raise RuntimeError('as a crash')


def train(folder, *hooks, **extra):
    cfg = toy_config(folder, dict(type='SupOnly'), max_iters=10, custom_hooks=list(hooks), **extra)
    cfg.train_cfg.val_interval = 2
    runner = build_runner(cfg)
    runner.train()
    return runner


@pytest.fixture(scope='module')
def ended(tmp_path_factory):
    """Scores never rise by 1000: the second and third validations are in vain, at 4 and 6."""
    init_default_scope('semiseg_mm')
    folder = tmp_path_factory.mktemp('ended') / 'run'
    train(folder, JUDGE, **{'default_hooks.checkpoint.interval': 5})
    return folder


def test_an_early_end_is_a_finished_run(ended):
    assert sorted(path.name for path in ended.glob('iter_*')) == ['iter_5.pth', 'iter_6.pth']
    record = json.loads((ended / 'results.json').read_text())
    assert (record['iter'], record['max_iters'], record['stopped_early']) == (6, 10, 6)
    assert record['finished']
    assert is_finished(record) and not is_finished(dict(record, stopped_early=None))
    assert not is_finished(dict(networks=record['networks']))
    ((waited, best),) = safe_load(ended / 'iter_6.pth')['early_stopping']
    assert waited == 2 and 0 < best <= record['networks']['student']['mIoU']['best'] + 0.01


def test_resuming_it_ends_at_once_and_goes_on_without_the_hook(ended, tmp_path):
    run = shutil.copytree(ended, tmp_path / 'run')
    runner = train(run, JUDGE, resume=True)
    assert runner.iter == 6 and sorted(path.name for path in run.glob('iter_*'))[-1] == 'iter_6.pth'
    log = (run / runner.timestamp / f'{runner.timestamp}.log').read_text()
    assert 'EarlyStoppingHook ended it at iteration 6 of 10' in log
    assert train(run, resume=True).iter == 10
    assert 'stopped_early' not in json.loads((run / 'results.json').read_text())


def test_what_was_counted_survives_a_resume(ended, tmp_path):
    """Cut off after the second validation; the third one is still the last."""
    often = {'default_hooks.checkpoint.interval': 5}
    with pytest.raises(RuntimeError, match='as a crash'):
        train(tmp_path, JUDGE, dict(type='Fail', iteration=5), **often)
    runner = train(tmp_path, JUDGE, resume=True, **often)
    assert runner.iter == 6
    (judge,) = [hook for hook in runner.hooks if isinstance(hook, EarlyStoppingHook)]
    assert judge.wait_count == 2


def test_a_stage_that_ended_early_is_done(tmp_path):
    """Its network labels; a ranking needs a milestone before the end."""
    never = dict(JUDGE, patience=1)
    cfg = toy_stages(tmp_path / 'st', 'st', max_iters=6)
    cfg.stages[0].cfg = dict(custom_hooks=[never])
    cfg.train_cfg.val_interval = 1
    run_stages(cfg)
    manifest = json.loads((tmp_path / 'st/01_teacher/manifest.json').read_text())
    assert manifest['result'] == dict(checkpoint='iter_2.pth')
    assert len(list((tmp_path / 'st/02_labels/labels').rglob('*.png'))) == 11
    times = {path: path.stat().st_mtime_ns for path in (tmp_path / 'st').rglob('iter_*.pth')}
    assert all('already done' in line for line in run_stages(cfg) if line.startswith('Stage'))
    assert times == {p: p.stat().st_mtime_ns for p in (tmp_path / 'st').rglob('iter_*.pth')}

    cfg = toy_stages(tmp_path / 'ranked', max_iters=9)
    cfg.stages[0].cfg = dict(custom_hooks=[never])
    cfg.train_cfg.val_interval = 1
    with pytest.raises(UserError, match="'teacher' ended early, before its first milestone"):
        run_stages(cfg)
