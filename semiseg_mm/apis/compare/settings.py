"""What makes a run this run: the part of its config that decides the weights, and its images."""

import hashlib
import json
from collections.abc import Iterable, Iterator
from pathlib import Path

from mmengine.config import Config

from semiseg_mm.apis.command import load_config
from semiseg_mm.datasets.backends import build_source, with_backend
from semiseg_mm.datasets.checks import check_paths
from semiseg_mm.datasets.splits import apply_split
from semiseg_mm.engine.facts import image_facts
from semiseg_mm.engine.keys import DECISIVE, decisive, differences, identity_of, plain
from semiseg_mm.engine.rewriting import KEPT
from semiseg_mm.registry import DATASETS

from .methods import METHODS, Choice, below, compose, method_of

# a comparison's results depend on the evaluation, too
KEYS = {*DECISIVE, 'val_dataloader', 'val_cfg', 'val_evaluator', 'runner_type', 'stages', 'rounds'}

IMAGES = ('labeled', 'unlabeled', 'val')


def settings_of(cfg: Config, seed: int, split: dict) -> dict:
    """Return plain values, as they come back from JSON."""
    found = decisive(cfg.to_dict(), KEYS)
    found['randomness'] = {**(found.get('randomness') or {}), 'seed': seed}
    images = {name: split[name] for name in IMAGES if name in split}
    return plain(dict(config=found, images=images))


def settings_hash(settings: dict) -> str:
    return hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()


def changes(before: dict, now: dict, most: int = 4) -> str:
    """Say what differs: ``train_cfg.max_iters was 6, is 8; …``"""
    found = [text.removeprefix('config.') for text in differences(before, now)]
    return '; '.join(found[:most]) + ('; …' if len(found) > most else '')


def left_behind(base: Config, path: str, choices: list[Choice]) -> list[str]:
    """Say what the base's own method loses, where it was asked for by its name alone."""
    leaf, own = Path(path).resolve(), method_of(Path(path))
    if any(choice.file.resolve() == leaf for choice in choices):
        return []
    notes = []
    for choice in choices:
        if own is None or choice.file.resolve() != own:
            continue
        bare, of_leaf = (
            _of_method(compose(base, Choice(choice.name, file))) for file in (own, leaf)
        )
        lost = list(_lost(of_leaf, bare, choice))
        if lost:
            notes.append(
                f'{choice.name} has the settings of configs/_base_/methods, not those of the base: '
                f'{"; ".join(lost)}. To keep those of the base: --methods {choice.name}={path}.'
            )
    return notes


def _of_method(cfg: Config) -> dict:
    found = {key: cfg.get(key) for key in ('model', 'custom_hooks', 'stages', 'rounds')}
    found['train_dataloader.dataset.views'] = cfg.train_dataloader.dataset.get('views')
    return plain(found)


def set_aside(base: Config, choices: list[Choice], options: Iterable[str]) -> list[str]:
    """Say what a method's own file has, and a comparison takes from the base.

    Args:
        options: What was asked of all methods.
    """
    notes = []
    for choice in choices:
        if choice.file.parent == METHODS:
            continue
        own = _of_base(load_config(str(choice.file)))
        cfg = _of_base(compose(base, Choice(choice.name, choice.file)))
        cfg = {key: cfg.get(key) for key in own}
        lost = _lost(own, cfg, choice, options)
        lost = [text for text in lost if ' was not set, ' not in text]
        if lost:
            notes.append(
                f'{choice.name} has these settings of the base, not those of its own file: '
                f'{"; ".join(lost)}. To train with its own: make that file the config of a '
                'comparison.'
            )
    return notes


def _of_base(cfg: Config) -> dict:
    """Return what a comparison keeps equal, but for the length of the training."""
    found = decisive(cfg.to_dict(), ('train_dataloader', 'optim_wrapper', 'param_scheduler'))
    shared = {key: cfg.model[key] for key in ('segmentor', *KEPT) if key in cfg.model}
    return plain(dict(found, model=shared))


def _lost(own: dict, now: dict, choice: Choice, options: Iterable[str] = ()) -> Iterator[str]:
    """Yield where two configs differ and nobody asked for it."""
    for text in differences(own, now):
        if not below(text.split()[0], (*options, *choice.options)):
            yield text.replace(' was null,', ' was not set,').replace(', is null', ', is not set')


def find_split(cfg: Config) -> dict:
    """Return hashes of the lists and of the validation data, names, and facts for a record."""
    dataset = cfg.train_dataloader.dataset.to_dict()
    check_paths(dataset, 'train_dataloader.dataset')
    name = dataset.get('split') or apply_split(dataset)['labeled'].get('ann_file') or None
    data = DATASETS.build(dataset)
    found = dict(labeled=identity_of(data.labeled, True))
    if data.unlabeled is not None:
        found['unlabeled'] = identity_of(data.unlabeled)
    val = (cfg.get('val_dataloader') or {}).get('dataset')
    if val and 'pipeline' in val:  # not a wrapper around others
        check_paths(val, 'val_dataloader.dataset')
        val = with_backend({**val.to_dict(), 'pipeline': []}, val.get('backend_args'))
        found['val'] = identity_of(build_source(val), True)
    return dict(name=name, lists=data.survey.line, facts=image_facts(data), **found)
