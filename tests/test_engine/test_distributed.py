"""Two processes on CPU, through the script that users start."""

import os
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path

import pytest
import torch
from held import wait_for, write_held_config
from processes import forked

from semiseg_mm.apis import run_train
from semiseg_mm.engine.checkpoint import safe_load
from semiseg_mm.testing import toy_config

TOOLS = Path(__file__).parents[2] / 'tools'


def dist_train(config, processes, *args):
    env = dict(os.environ, PYTHON=sys.executable, OMP_NUM_THREADS='1')
    command = ['bash', str(TOOLS / 'dist_train.sh'), str(config), str(processes), *args]
    return subprocess.run(command, env=env, capture_output=True, text=True, timeout=240)


@pytest.fixture(scope='module')
def trained(tmp_path_factory):
    """Mean Teacher with SyncBN, 2 x (1 + 1) images, 6 iterations; every request is printed."""
    folder = tmp_path_factory.mktemp('dist')
    (folder / 'spy.py').write_text(
        'import os\n'
        'from mmengine.dist import get_rank\n'
        'from mmengine.hooks import Hook\n'
        'from mmengine.registry import HOOKS\n'
        'from semiseg_mm.datasets import SemiDataset\n'
        'original = SemiDataset.__getitem__\n'
        'def spy(self, request):\n'
        '    if hasattr(request, "serial"):\n'
        '        print(f"request {get_rank()} {tuple(request[:3])}", flush=True)\n'
        '    return original(self, request)\n'
        'SemiDataset.__getitem__ = spy\n'
        '@HOOKS.register_module()\n'
        'class Death(Hook):\n'
        '    def before_train_iter(self, runner, batch_idx, data_batch=None):\n'
        '        first = os.environ.get("TORCHELASTIC_RESTART_COUNT") == "0"\n'
        '        if first and "DEATH" in os.environ and runner.iter == 4 and get_rank() == 1:\n'
        '            os.kill(os.getpid(), 9)\n'
    )
    cfg = toy_config(
        folder / 'run',
        dict(type='MeanTeacher'),
        custom_hooks=[dict(type='MeanTeacherHook'), dict(type='Death')],
        **{
            'custom_imports.imports': ['semiseg_mm.testing', 'spy'],
            'train_dataloader.sampler.labeled': 1,
            'train_dataloader.sampler.unlabeled': 1,
            'model.segmentor.decode_head.norm_cfg.type': 'SyncBN',
        },
    )
    cfg.dump(folder / 'config.py')
    os.environ['PYTHONPATH'] = f'{folder}:{os.environ.get("PYTHONPATH", "")}'
    done = dist_train(folder / 'config.py', 2)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return folder, done.stdout + done.stderr


def test_it_trains_and_validates(trained):
    folder, _ = trained
    identity = safe_load(folder / 'run/iter_6.pth')['meta']['semiseg_mm']
    assert identity['world_size'] == 2 and identity['batch'] == [2, 2]
    assert (folder / 'run/results.json').exists()


def test_another_call_is_refused_while_they_train(tmp_path, monkeypatch):
    """Two processes of one run do not lock each other out; one of another run stays out."""
    (tmp_path / 'hold').touch()
    write_held_config(tmp_path)
    monkeypatch.setenv('PYTHONPATH', str(tmp_path), prepend=os.pathsep)
    with ThreadPoolExecutor() as pool:
        first = pool.submit(dist_train, tmp_path / 'config.py', 2)
        wait_for(tmp_path / 'run/iter_2.pth')
        second = dist_train(tmp_path / 'config.py', 2)
        (tmp_path / 'hold').unlink()
        assert first.result().returncode == 0, first.result().stderr[-3000:]
    assert second.returncode == 1
    assert 'run is in use by another call' in second.stderr
    assert (tmp_path / 'run/iter_4.pth').exists()


def test_both_processes_together_walk_through_the_single_stream(trained):
    """The union of both ranks' requests is what one process with twice the batch would draw."""
    from semiseg_mm.datasets import SourceRatioSampler
    from semiseg_mm.registry import DATASETS

    output = trained[1]
    drawn = re.findall(r'request (\d) \((\d+), (\d+), (\d+)\)', output)
    assert {rank for rank, *_ in drawn} == {'0', '1'}
    union = {tuple(map(int, request)) for _, *request in drawn}
    cfg = toy_config('unused', dict(type='SupOnly'))
    sampler = SourceRatioSampler(
        DATASETS.build(cfg.train_dataloader.dataset), labeled=2, unlabeled=2, seed=3
    )
    stream = iter(sampler)
    expected = {tuple(next(stream)[:3]) for _ in range(4 * 6)}
    assert union == expected


def resume_elsewhere(folder, name, *options):
    """Go on from the run's iteration 3 with one process, in a folder of its own."""
    (folder / name).mkdir()
    (folder / name / 'iter_3.pth').write_bytes((folder / 'run/iter_3.pth').read_bytes())
    config, work_dir = folder / 'config.py', folder / name
    return forked(
        [TOOLS / 'train.py', config, '--work-dir', work_dir, '--resume', *options],
        env=dict(os.environ, PYTHONPATH=str(folder)),
    )


def test_a_killed_process_is_started_again_and_all_go_on(trained, monkeypatch):
    """From iteration 3, without --resume. BatchNorm statistics are averaged when saving."""
    folder, _ = trained
    monkeypatch.setenv('MAX_RESTARTS', '1')
    monkeypatch.setenv('DEATH', 'once')
    done = dist_train(folder / 'config.py', 2, '--work-dir', str(folder / 'restarted'))
    assert done.returncode == 0, done.stderr[-3000:]
    serials = [int(n) for n in re.findall(r'request 0 \(\d+, (\d+)', done.stdout)]
    back = [now for before, now in pairwise(serials) if now < before]
    assert serials[0] == 0 and back == [2 * 3]  # an iteration takes two of each source
    a, b = (safe_load(folder / name / 'iter_6.pth')['state_dict'] for name in ('run', 'restarted'))
    assert all(torch.equal(a[key], b[key]) for key in a)


def test_a_restart_leaves_an_earlier_run_alone(trained, monkeypatch, capsys):
    folder, _ = trained
    for name, value in dict(TORCHELASTIC_RESTART_COUNT='1', SEMISEG_MM_LAUNCH='now').items():
        monkeypatch.setenv(name, value)
    monkeypatch.syspath_prepend(folder)
    assert run_train([str(folder / 'config.py')]) == 1
    assert 'checkpoints of an earlier run, up to iter_6.pth' in capsys.readouterr().err


def test_other_process_counts_need_the_same_total_batch(trained):
    folder, _ = trained
    done = resume_elsewhere(folder, 'alone')
    assert done.returncode == 1
    message = 'an iteration was 2 + 2 images on 2 processes, it is 1 + 1 on 1'
    assert message in done.stderr
    batch = [f'train_dataloader.sampler.{source}=2' for source in ('labeled', 'unlabeled')]
    done = resume_elsewhere(folder, 'whole', '--cfg-options', *batch)
    assert done.returncode == 0, done.stderr
    assert 'request 0' in done.stdout and (folder / 'whole/iter_6.pth').exists()
