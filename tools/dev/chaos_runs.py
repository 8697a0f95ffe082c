"""The trainings that chaos.py disturbs, and what they come to."""

import json
import os
import re
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
from mmengine.config import Config

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / 'tests'))
from processes import LATE, start  # noqa: E402, F401

from semiseg_mm.datasets.shapes import CLASSES  # noqa: E402
from semiseg_mm.engine.keys import weights_hash  # noqa: E402
from semiseg_mm.errors import UserError  # noqa: E402
from semiseg_mm.testing import toy_network  # noqa: E402

RECORDS = ('results.json', 'record.json')
ITERS, LIMIT = 12, 180  # iterations; seconds until a run counts as hung
SHAPES = 'configs/{}-1k_shapes-30-64x64.py'
LEAVES = dict(
    sup_only=SHAPES.format('sup_only/sup-only_unet-s2_1xb8+8'),
    cps=SHAPES.format('cps/cps_unet-s2_1xb8+8'),
    unimatch=SHAPES.format('unimatch/unimatch_unet-s2_1xb8+8'),
    st_plus_plus=SHAPES.format('st_plus_plus/st-plus-plus_unet-s2_1xb16'),
)
TINY = {
    'train_cfg.max_iters': ITERS,
    'train_cfg.val_interval': 5,
    'default_hooks.checkpoint.interval': 2,
    'default_hooks.checkpoint.max_keep_ckpts': 3,
    'val_dataloader.dataset.num_images': 4,
    'train_dataloader.dataset.unlabeled.num_images': 16,
    'train_dataloader.sampler.labeled': 2,
    'train_dataloader.sampler.unlabeled': 2,
    'train_dataloader.dataset.crop_size': (32, 32),
}
COMPARE = """
import sys
from processes import ForkedPopen
from semiseg_mm.apis import compare
from semiseg_mm.apis.processes import training_process as training
training.Popen = ForkedPopen
sys.exit(compare.main(sys.argv[1:]))
"""


class Outcome(NamedTuple):
    """Hold how a call ended. ``code`` is None if it had to be ended."""

    code: int | None
    text: str

    @property
    def refused(self) -> bool:
        return self.code == 1 and '\nerror: ' in self.text and not self.crashed

    @property
    def crashed(self) -> bool:
        text = re.sub(r'Exception ignored in.*\nTraceback', '', self.text)  # Python's, in callbacks
        return 'Traceback (most recent call last)' in text


class Target:
    """Hold a command that trains, and the undisturbed result of it."""

    state: dict
    seconds: float

    def __init__(self, name: str, folder: Path) -> None:
        self.name, self.folder, self.data = name, folder, folder / 'data'
        self.staged = name == 'st_plus_plus'
        folder.mkdir(parents=True)
        self.config = folder / f'{name}.py'
        leaf = LEAVES['cps' if name == 'images' else 'sup_only' if name == 'compare' else name]
        cfg = Config.fromfile(str(ROOT / leaf))
        cfg.merge_from_dict(TINY)
        cfg.model.segmentor = toy_network(len(CLASSES), channels=8)
        cfg.custom_imports = dict(imports=['semiseg_mm.testing'])
        if name == 'unimatch':
            cfg.train_dataloader.num_workers = 1
        if name == 'images':
            _use_files(cfg, self.data)
        cfg.dump(self.config)

    def start(self, work_dir: Path, *options: str):
        """Start the command; its output goes into a file."""
        env = dict(os.environ, PYTHONPATH=f'{ROOT}:{ROOT / "tests"}')
        if self.name == 'compare':
            argv = ['-c', COMPARE, self.config, '--methods', 'sup_only', 'fixmatch', '--seeds', 0]
            argv += ['--jobs', 1, '--work-dir', work_dir]
        else:
            argv = [ROOT / 'tools/train.py', self.config, '--work-dir', work_dir, '--resume']
        argv += ['--cfg-options', *options] if options else []
        log = (
            self.folder / f'{os.getpid()}-{time.monotonic_ns()}.out'
        )  # never on the disk that is full
        process = start(argv, '.', env, log, log)
        process.log = log
        return process

    def run(self, work_dir: Path, *options: str, meanwhile: Callable | None = None) -> Outcome:
        process = self.start(work_dir, *options)
        if meanwhile:
            meanwhile(process)
        return ended(process)

    def measure(self) -> None:
        """Train undisturbed."""
        begin, work_dir = time.monotonic(), self.folder / 'undisturbed'
        outcome = self.run(work_dir)
        assert outcome.code == 0, f'{self.name} does not train: {outcome.text[-3000:]}'
        self.seconds = time.monotonic() - begin
        self.state = state_of(work_dir)
        assert self.state


def ended(process) -> Outcome:
    process.join(LIMIT)
    if hung := process.is_alive():
        process.kill()
        process.join()
    text = process.log.read_text(errors='replace') if process.log.exists() else ''
    return Outcome(None if hung else process.exitcode, text)


def state_of(work_dir: Path) -> dict:
    """Return the last weights of each training in a folder, and its scores.

    Where there are records of a comparison, these hold the scores.
    """
    found, records = {}, ('record.json',) if any(work_dir.rglob('record.json')) else RECORDS
    files = [f for f in work_dir.rglob('*') if '.old-' not in str(f.relative_to(work_dir))]
    for file in sorted(files):
        name = str(file.relative_to(work_dir))
        if file.name == f'iter_{ITERS}.pth':
            try:
                found[name] = weights_hash(file)
            except UserError as error:
                found[name] = str(error)
        elif file.name in records:
            try:
                found[name] = json.loads(file.read_text())['networks']
            except (ValueError, KeyError, TypeError) as error:
                found[name] = repr(error)
    return found


def _use_files(cfg: Config, data: Path) -> None:
    """Read images and masks from a folder that is written here."""
    rng, pixels = np.random.default_rng(0), (24, 24)
    for part, number in dict(images=6, masks=6, more=10).items():
        (data / part).mkdir(parents=True)
        for k in range(number):
            shape, top = (pixels, len(CLASSES)) if part == 'masks' else ((*pixels, 3), 256)
            content = rng.integers(0, top, shape).astype(np.uint8)
            cv2.imwrite(str(data / part / f'{k}.png'), content)
    loading = dict(LoadShapes=[dict(type='LoadImage'), dict(type='LoadAnnotations')])
    dataset = cfg.train_dataloader.dataset
    for source in ('labeled', 'unlabeled'):
        steps = []
        for step in dataset[source].pipeline:
            steps += loading.get(step['type'], [step])
        dataset[source] = dict(_delete_=True, pipeline=steps, data_root=str(data))
    del dataset.unlabeled.pipeline[1]  # no masks
    dataset.unlabeled.update(type='UnlabeledDataset', img_path='more', img_suffix='.png')
    dataset.labeled.update(
        type='BaseSegDataset',
        metainfo=dict(classes=CLASSES),
        img_suffix='.png',
        seg_map_suffix='.png',
        data_prefix=dict(img_path='images', seg_map_path='masks'),
    )
    for source in ('labeled', 'unlabeled'):
        dataset[source].pop('_delete_')
