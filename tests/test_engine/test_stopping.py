"""SIGTERM and Ctrl-C end a training with a checkpoint; everything else they end at once."""

import argparse
import multiprocessing
import os
import re
import signal
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import torch
from held import wait_for
from mmengine.config import Config
from mmengine.registry import init_default_scope
from processes import ForkedPopen, forked, forked_ranks
from signalling import SendSignals  # noqa: F401  (registers it)

from semiseg_mm.apis.cli import run_train
from semiseg_mm.apis.command import guarded
from semiseg_mm.engine.checkpoint import safe_load
from semiseg_mm.engine.runner import build_runner
from semiseg_mm.testing import toy_config
from semiseg_mm.utils import signals

TESTS = Path(__file__).parents[1]
TRAIN = TESTS.parent / 'tools/train.py'
INT, TERM = int(signal.SIGINT), int(signal.SIGTERM)
TEACHER = dict(type='MeanTeacher')


def config(folder, hooks=(), seed=3, **extra) -> Config:
    hooks = [dict(type='MeanTeacherHook'), *hooks]
    extra = {'randomness.seed': seed, 'default_hooks.checkpoint.interval': 6, **extra}
    extra['custom_imports.imports'] = ['semiseg_mm.testing', 'signalling']
    return toy_config(folder, TEACHER, custom_hooks=hooks, **extra)


def sent(*numbers, **how) -> dict:
    return dict(type='SendSignals', numbers=numbers, **how)


def call(folder, *arguments, **extra) -> int:
    """Run tools/train.py's main in this process, which must be one that hears signals."""
    assert threading.current_thread() is threading.main_thread()
    before = [signal.getsignal(number) for number in (INT, TERM)]
    config(folder / 'run', **extra).dump(folder / 'config.py')
    code = run_train([str(folder / 'config.py'), *arguments])
    assert [signal.getsignal(number) for number in (INT, TERM)] == before
    return code


def saved(folder) -> list[str]:
    return sorted(path.name for path in folder.rglob('iter_*.pth'))


def weights(path) -> dict:
    return safe_load(path)['state_dict']


def equal(a, b) -> bool:
    return all(torch.equal(weights(a)[key], value) for key, value in weights(b).items())


@pytest.fixture(scope='module')
def finished(tmp_path_factory):
    init_default_scope('semiseg_mm')
    folder = tmp_path_factory.mktemp('finished')
    build_runner(config(folder)).train()
    return folder


@pytest.mark.parametrize('number, code', [(INT, 130), (TERM, 143)])
def test_a_stopped_training_has_saved_and_goes_on_exactly(number, code, finished, tmp_path, capfd):
    """A launcher may pass on what the terminal sends as well: both together are one."""
    assert call(tmp_path, hooks=[sent(number, number, iteration=4)]) == code
    said = capfd.readouterr().err.strip().splitlines()[-1]
    path = tmp_path / 'run/iter_4.pth'
    assert said == (
        f'Stopped. {signal.Signals(number).name} came. {path} holds all 4 of 6 iterations that '
        'were done. The same command with --resume goes on.'
    )
    assert saved(tmp_path) == ['iter_4.pth']
    assert call(tmp_path, '--resume') == 0
    assert equal(tmp_path / 'run/iter_6.pth', finished / 'iter_6.pth')


def test_workers_outlive_the_signals_of_others(tmp_path):
    hooks = [sent(TERM, TERM, iteration=2, workers=True, pause=0.2)]
    assert call(tmp_path, hooks=hooks, **{'train_dataloader.num_workers': 1}) == 143
    assert saved(tmp_path) == ['iter_2.pth']
    for child in multiprocessing.active_children():  # the loader's, which a traceback still holds
        child.terminate()
        child.join(30)
        assert child.exitcode == 0


def test_accumulated_gradients_are_used_first(tmp_path):
    extra = {'optim_wrapper.accumulative_counts': 4, 'default_hooks.checkpoint.interval': 4}
    assert call(tmp_path, hooks=[sent(TERM, iteration=1)], max_iters=8, **extra) == 143
    assert saved(tmp_path) == []  # a validation came before the step: it is not waited for
    extra['train_cfg.val_interval'] = 8
    extra['default_hooks.checkpoint.milestones'] = [1 / 8]  # waits for the step as well
    assert call(tmp_path, hooks=[sent(TERM, iteration=1)], max_iters=8, **extra) == 143
    assert saved(tmp_path) == ['iter_4.pth']


def test_the_iteration_before_a_validation_is_saved(finished, tmp_path):
    assert call(tmp_path, hooks=[sent(TERM, iteration=3, in_val=True)]) == 143
    assert saved(tmp_path) == ['iter_3.pth'] and not (tmp_path / 'run/results.json').exists()
    assert call(tmp_path, '--resume') == 0
    assert equal(tmp_path / 'run/iter_6.pth', finished / 'iter_6.pth')


def test_the_second_ctrl_c_ends_at_once(tmp_path, capfd, monkeypatch):
    monkeypatch.setattr(signals, 'ONE', 0.0)
    assert call(tmp_path, hooks=[sent(INT, INT, iteration=2)]) == 130
    assert 'Ctrl-C came twice, so nothing more was saved.' in capfd.readouterr().err
    assert saved(tmp_path) == []


def test_a_signal_before_the_validation_saves_first(tmp_path):
    assert call(tmp_path, hooks=[sent(TERM, iteration=3)]) == 143
    assert saved(tmp_path) == ['iter_3.pth'] and not (tmp_path / 'run/results.json').exists()


def test_an_iteration_without_end_is_not_waited_for(tmp_path):
    hooks = [sent(TERM, iteration=2, pause=60), dict(type='StopHook', seconds=0.2)]
    config(tmp_path / 'run', hooks).dump(tmp_path / 'config.py')
    done = forked([TRAIN, tmp_path / 'config.py'], env=paths())
    assert done.returncode == 143 and saved(tmp_path) == []
    assert 'Stopped 0.2 s after SIGTERM' in done.stderr


def test_outside_of_the_main_thread_nothing_is_installed(tmp_path):
    with ThreadPoolExecutor() as pool:
        pool.submit(build_runner(config(tmp_path, max_iters=1)).train).result()
    assert saved(tmp_path) == ['iter_1.pth']


def test_elsewhere_a_signal_ends_at_once(capsys):
    code = guarded(lambda _: os.kill(os.getpid(), TERM), argparse.Namespace(resume=None))
    assert code == 143
    assert 'Stopped. The same command with --resume goes on.' in capsys.readouterr().err


def test_handlers_of_others_stay_theirs():
    heard = []
    before = signal.signal(TERM, lambda *_: heard.append('theirs'))
    try:
        with signals.stoppable():
            os.kill(os.getpid(), TERM)
        assert heard == ['theirs']
    finally:
        signal.signal(TERM, before)


# ------------------------------------------------------------------ several processes


def paths() -> dict:
    path = os.pathsep.join([str(TESTS), os.environ.get('PYTHONPATH', '')])
    return {**os.environ, 'PYTHONPATH': path}


def train_two(path, *arguments) -> list:
    return forked_ranks([TRAIN, path, *arguments, '--launcher', 'pytorch'], paths())


def test_one_of_two_processes_gets_the_signal_and_both_stop(tmp_path):
    """Its statistics and those of the other one are in the checkpoint, so it goes on exactly."""
    for name, hooks in (('whole', []), ('run', [sent(TERM, iteration=3, rank=1)])):
        extra = {'train_cfg.val_interval': 100}
        config(tmp_path / name, hooks, **extra).dump(tmp_path / f'{name}.py')
    done = train_two(tmp_path / 'run.py')
    assert [one.returncode for one in done] == [143, 143], done[0].stderr
    assert saved(tmp_path / 'run') == ['iter_4.pth']  # they hear of it in the next step
    assert [one.stderr.count('Stopped.') for one in done] == [1, 0]
    for name in ('whole', 'run'):
        done = train_two(tmp_path / f'{name}.py', '--resume')
        assert [one.returncode for one in done] == [0, 0], done[0].stderr
    assert equal(tmp_path / 'run/iter_6.pth', tmp_path / 'whole/iter_6.pth')


def launch(config, log) -> None:
    """Start a training as torchrun does, and wait for ever."""
    env = {**paths(), signals.LAUNCHED: 'some'}
    with open(log, 'w') as file:
        ForkedPopen([sys.executable, str(TRAIN), str(config)], stdout=file, env=env)
    time.sleep(1000)


def test_a_process_whose_launcher_was_killed_saves_and_ends(tmp_path):
    often = {'default_hooks.checkpoint.interval': 2, 'default_hooks.checkpoint.max_keep_ckpts': 1}
    cfg = config(tmp_path / 'run', max_iters=10**6, **often, **{'train_cfg.val_interval': 10**6})
    cfg.dump(tmp_path / 'config.py')
    log = tmp_path / 'log'
    launcher = multiprocessing.get_context('fork').Process(
        target=launch, args=[tmp_path / 'config.py', log]
    )
    launcher.start()
    try:
        wait_for(tmp_path / 'run/last_checkpoint')
    finally:
        launcher.kill()
        launcher.join()
    end = time.monotonic() + 60
    while 'Stopped. SIGTERM came.' not in log.read_text():
        assert time.monotonic() < end, log.read_text()
        time.sleep(0.02)
    (last,) = re.findall(r'iter_(\d+)\.pth holds all \1 of 1000000 iterations', log.read_text())
    assert f'iter_{last}.pth' in saved(tmp_path)
