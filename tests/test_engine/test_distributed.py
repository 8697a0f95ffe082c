"""Two processes on CPU, through the script that users start."""

import os
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import torch
from held import wait_for, write_held_config

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
        'from semiseg_mm.datasets import SemiDataset\n'
        'from mmengine.dist import get_rank\n'
        'original = SemiDataset.__getitem__\n'
        'def spy(self, request):\n'
        '    if hasattr(request, "serial"):\n'
        '        print(f"request {get_rank()} {tuple(request[:3])}", flush=True)\n'
        '    return original(self, request)\n'
        'SemiDataset.__getitem__ = spy\n'
    )
    cfg = toy_config(
        folder / 'run',
        dict(type='MeanTeacher'),
        custom_hooks=[dict(type='MeanTeacherHook')],
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


def resume_elsewhere(folder, name, processes):
    """Go on from the run's iteration 3 in a folder of its own."""
    (folder / name).mkdir()
    (folder / name / 'iter_3.pth').write_bytes((folder / 'run/iter_3.pth').read_bytes())
    work_dir = str(folder / name)
    return dist_train(folder / 'config.py', processes, '--work-dir', work_dir, '--resume')


def test_resuming_two_processes_gives_the_same_weights(trained):
    """From the checkpoint of iteration 3; BatchNorm statistics are averaged when saving."""
    folder, _ = trained
    done = resume_elsewhere(folder, 'again', 2)
    assert done.returncode == 0, done.stderr[-3000:]
    a, b = (safe_load(folder / name / 'iter_6.pth')['state_dict'] for name in ('run', 'again'))
    assert all(torch.equal(a[key], b[key]) for key in a)


def test_other_process_counts_are_noticed(trained):
    folder, _ = trained
    done = resume_elsewhere(folder, 'alone', 1)
    assert done.returncode != 0
    message = 'an iteration was 2 + 2 images on 2 processes, it is 1 + 1 on 1'
    assert message in done.stdout + done.stderr
