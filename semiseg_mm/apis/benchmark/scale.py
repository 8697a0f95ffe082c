"""What a long list of unlabeled images costs: seconds at the start, megabytes in a worker."""

import argparse
import logging
import multiprocessing
import os
import os.path as osp
import pickle
import tempfile
import time
from collections.abc import Callable
from itertools import islice
from typing import Any

import numpy as np
import torch
from mmengine.registry import init_default_scope
from torch.utils.data import DataLoader

import semiseg_mm.engine  # noqa: F401  (registers everything)
from semiseg_mm.datasets import SemiDataset, SourceRatioSampler
from semiseg_mm.datasets.split_lists import log_splits
from semiseg_mm.errors import UserError

from .measure import show

LABELED = 1000
Rows = list[tuple[str, str]]


def run(args: argparse.Namespace) -> None:
    if not osp.exists('/proc/self/smaps_rollup'):
        raise UserError('This system does not tell how much memory a process has (Linux does).')
    rows = scale(args.images, args.workers, args.iterations, args.folder)
    source = 'files in a folder' if args.folder else 'lines of a list'
    show(f'{args.images} {source}', ('what', 'value'), rows)


def scale(images: int, workers: int, iterations: int = 2000, folder: bool = False) -> Rows:
    """What is measured, and its value. Nothing is decoded: the pipelines are stubs."""
    init_default_scope('semiseg_mm')
    logging.disable(logging.WARNING)
    try:
        with tempfile.TemporaryDirectory() as root:
            write_sources(root, images, folder)
            return _measure(root, workers, iterations, folder)
    finally:
        logging.disable(logging.NOTSET)


def write_sources(root: str, images: int, folder: bool) -> None:
    """Id lists in random order; the image files only if a folder is to be searched."""
    order = np.random.default_rng(0).permutation(images).tolist()
    lines = [f'camera_{k % 100:02d}/frame_{k:08d}.jpg' for k in order]
    with open(osp.join(root, 'labeled.txt'), 'w') as file:
        file.writelines(f'labeled/{k:08d}\n' for k in range(LABELED))
    if not folder:
        with open(osp.join(root, 'unlabeled.txt'), 'w') as file:
            file.write('\n'.join(lines))
        return
    for camera in {osp.dirname(line) for line in lines}:
        os.makedirs(osp.join(root, 'images', camera))
    for line in lines:
        os.close(os.open(osp.join(root, 'images', line), os.O_CREAT))


def tiny(results: dict) -> torch.Tensor:
    return torch.full((3, 8, 8), float(results['sample_idx']))


def _measure(root: str, workers: int, iterations: int, folder: bool) -> Rows:
    rows: Rows = []
    before = memory(os.getpid())['private']
    seconds: list[tuple[float, float]] = []

    def timed(what: str, function: Callable[[], Any]) -> Any:
        start, cpu = time.perf_counter(), time.process_time()
        value = function()
        seconds.append((time.perf_counter() - start, time.process_time() - cpu))
        rows.append((what, '{:.2f} s ({:.2f} s of CPU)'.format(*seconds[-1])))
        return value

    labeled = dict(
        type='BaseSegDataset',
        data_root=root,
        ann_file='labeled.txt',
        data_prefix=dict(img_path='images', seg_map_path='masks'),
        metainfo=dict(classes=('one', 'other')),
        pipeline=[tiny],
    )
    unlabeled = dict(
        type='UnlabeledDataset',
        data_root=root,
        img_path='images',
        ann_file='' if folder else 'unlabeled.txt',
        exclude='labeled.txt',
        pipeline=[tiny],
    )
    dataset = timed('build SemiDataset', lambda: SemiDataset(labeled, unlabeled))
    timed('name the lists', lambda: log_splits(dataset))
    timed('identity', dataset.identity)
    sampler = timed('sampler', lambda: SourceRatioSampler(dataset, 4, 4, seed=0))
    timed('first requests', lambda: list(islice(sampler, 8)))
    rows.append(('start-up, sum', '{:.2f} s ({:.2f} s of CPU)'.format(*np.sum(seconds, 0))))
    after, peak = memory(os.getpid())['private'], _peak()
    rows.append(('main process, added', _mb(after - before)))
    rows.append(('main process, added at its peak', _mb(peak - before)))
    rows.append(('sent to a spawned worker', _mb(len(pickle.dumps(dataset)))))
    return rows + _worker_memory(dataset, sampler, workers, iterations)


def _worker_memory(dataset, sampler, workers: int, iterations: int) -> Rows:
    others = {child.pid for child in multiprocessing.active_children()}
    batches = iter(DataLoader(dataset, sampler.batch_size, sampler=sampler, num_workers=workers))
    rows: Rows = []
    for when, count in (('at the start', 2 * workers), (f'after {iterations} batches', iterations)):
        for _ in islice(batches, count):
            pass
        pids = sorted({child.pid for child in multiprocessing.active_children()} - others)
        for number, pid in enumerate(pids):
            used = memory(pid)
            text = f'{_mb(used["private"])} / {_mb(used["share"])}'
            rows.append((f'worker {number} {when}: own / with its share', text))
    return rows


def memory(pid: int) -> dict[str, int]:
    """Bytes that a process has for itself, and these with its share of what it has with others."""
    with open(f'/proc/{pid}/smaps_rollup') as file:
        fields = dict(line.split(':', 1) for line in list(file)[1:])
    size = {name: 1024 * int(text.split()[0]) for name, text in fields.items()}
    return dict(private=size['Private_Clean'] + size['Private_Dirty'], share=size['Pss'])


def _peak() -> int:
    with open('/proc/self/status') as file:
        return next(1024 * int(line.split()[1]) for line in file if line.startswith('VmHWM'))


def _mb(size: int) -> str:
    return f'{size / 1e6:.1f} MB'
