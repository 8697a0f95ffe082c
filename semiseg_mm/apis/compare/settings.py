"""What makes a run this run: the part of its config that decides the weights, and its images."""

import hashlib
import json

from mmengine.config import Config

from semiseg_mm.datasets.checks import check_paths
from semiseg_mm.datasets.splits import apply_split
from semiseg_mm.engine.stages.stage import differences
from semiseg_mm.engine.stages.train import DECISIVE, OUTER_OF_LOADERS
from semiseg_mm.registry import DATASETS

# a comparison's results depend on the evaluation, too
KEYS = {*DECISIVE, 'val_dataloader', 'val_cfg', 'val_evaluator', 'runner_type', 'stages', 'rounds'}


def settings_of(cfg: Config, seed: int, split: dict) -> dict:
    """Plain values, as they come back from JSON."""
    found = {key: value for key, value in cfg.to_dict().items() if key in KEYS}
    if not (found.get('auto_scale_lr') or {}).get('enable'):
        found.pop('auto_scale_lr', None)
    for name in ('train_dataloader', 'val_dataloader'):
        for option in OUTER_OF_LOADERS:
            (found.get(name) or {}).pop(option, None)
    found['randomness'] = {**(found.get('randomness') or {}), 'seed': seed}
    images = {name: one for name, one in split.items() if isinstance(one, dict)}
    return json.loads(json.dumps(dict(config=found, images=images), default=str))


def settings_hash(settings: dict) -> str:
    return hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()


def changes(before: dict, now: dict, most: int = 4) -> str:
    """``train_cfg.max_iters was 6, is 8; …``"""
    found = [text.removeprefix('config.') for text in differences(before, now)]
    return '; '.join(found[:most]) + ('; …' if len(found) > most else '')


def find_split(cfg: Config) -> dict:
    """Which images the labeled and the unlabeled list are: hashes, and names where known."""
    dataset = cfg.train_dataloader.dataset.to_dict()
    check_paths(dataset, 'train_dataloader.dataset')
    name = dataset.get('split') or apply_split(dataset)['labeled'].get('ann_file') or None
    data = DATASETS.build(dataset)
    found = data.survey
    return dict(name=name, lists=found.line, **found.identity)
