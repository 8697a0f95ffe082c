"""A staged run on toy scenes, and what of it must be the same after an interruption."""

import hashlib
import json
import logging
from pathlib import Path

from mmengine.config import Config
from mmengine.registry import init_default_scope

from semiseg_mm.engine.keys import weights_hash
from semiseg_mm.engine.runner import build_runner
from semiseg_mm.utils.places import METHODS

from .toy import toy_config

TIMED = ('seconds', 'memory_mb', '.pth', 'results.json')  # and checksums of files with times
VARIED = dict(type='Normal', std=1.0, override=dict(name='conv_seg'))


def toy_stages(work_dir, method='st_plus_plus', max_iters=6, **extra) -> Config:
    """A method of configs/ on toy scenes: chunks of 4 of 11 images, two scales, no workers.

    The last layer starts with great weights: such networks predict more than one class.
    """
    base = Config.fromfile(METHODS / f'{method}.py')
    cfg = toy_config(
        work_dir,
        dict(base.model),
        max_iters,
        rounds=base.get('rounds', 1),
        **{
            'train_dataloader.dataset.views': base.views,
            'train_dataloader.dataset.unlabeled.num_images': 11,
            'train_cfg.val_interval': max_iters,
            'optim_wrapper.optimizer.lr': 0.03,
            'model.segmentor.decode_head.init_cfg': VARIED,
            **extra,
        },
    )
    cfg.stages, cfg.runner_type = base.stages, 'StagedRunner'
    for stage in cfg.stages:
        if stage.type != 'TrainStage':
            stage.update(chunk=4, batch_size=2, workers=0)
        if stage.type == 'LabelStage':
            stage.scales = (0.5, 1.0)
    return cfg


def run_stages(cfg, lines=None) -> list[str]:
    """Train; returns what the stages said (also in ``lines``, if it ends in an error)."""
    init_default_scope('semiseg_mm')
    lines = [] if lines is None else lines
    runner = build_runner(cfg)

    class Listener(logging.Handler):
        def emit(self, record):
            lines.append(record.getMessage())

    listener = Listener()
    runner.logger.addHandler(listener)
    try:
        runner.train()
    finally:
        runner.logger.removeHandler(listener)
    return lines


def contents(folder) -> dict[str, str]:
    """Weights of all checkpoints and all other results, without times and logs."""
    found = {}
    for path in sorted(Path(folder).rglob('*')):
        name = str(path.relative_to(folder))
        if path.suffix == '.pth':
            found[name] = weights_hash(path)
        elif path.name in ('manifest.json', 'results.json'):
            found[name] = json.dumps(_timeless(json.loads(path.read_text())), sort_keys=True)
        elif (
            path.suffix in ('.png', '.tsv', '.txt', '.csv', '.part') or path.parent.name == 'chunks'
        ):
            found[name] = hashlib.sha256(path.read_bytes()).hexdigest()
    return found


def _timeless(value):
    if isinstance(value, dict):
        return {k: _timeless(v) for k, v in value.items() if not k.endswith(TIMED)}
    return [_timeless(item) for item in value] if isinstance(value, list) else value


def redone(lines) -> list[str]:
    """Folders of the stages that were executed."""
    return [line.split()[1] for line in lines if ' done: ' in line]


def said(lines, folder) -> str:
    """What a stage said first."""
    return next(line for line in lines if line.startswith(f'Stage {folder} '))
