"""What decides a training's weights, wherever images and checkpoints lie."""

import copy
import hashlib
import json
import os
import os.path as osp
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import Any

import torch
from mmengine.dataset import BaseDataset

from semiseg_mm.datasets.backends import is_remote
from semiseg_mm.datasets.identity import files_hash, image_paths, list_identity
from semiseg_mm.engine.checkpoint import safe_load
from semiseg_mm.errors import UserError

# validation does not decide; further names in a config (num_classes, …) are notes to itself
DECISIVE = (
    'model', 'train_dataloader', 'train_cfg', 'optim_wrapper', 'param_scheduler', 'custom_hooks',
    'randomness', 'model_wrapper_cfg', 'auto_scale_lr', 'load_from', 'default_scope',
)  # fmt: skip
ROUNDING = ('channels_last', 'compile')  # change last bits: no stage is made anew for them
# for a training that goes on: what it once started from is no longer read
GOING_ON = (*(name for name in DECISIVE if name != 'load_from'), *ROUNDING)
# of a source's config; its images are known by their ids, wherever they lie
PLACES = ('data_root', 'img_path', 'data_prefix', 'ann_file', 'exclude', 'backend_args')
SOURCES = ('labeled', 'unlabeled', 'images')  # datasets in datasets whose images are identified
OF_VALIDATION = ('val_interval', 'vals', 'val_begin', 'dynamic_intervals')  # in train_cfg
OUTER_OF_LOADERS = ('num_workers', 'persistent_workers', 'prefetch_factor', 'pin_memory')
HASHES = dict(
    sha256='other images',
    order='another order',
    labels='other label maps',
    bytes='image files of other sizes',
)


def decisive(cfg: dict, names: Iterable[str] = DECISIVE) -> dict[str, Any]:
    """Return a copy of what decides. Local weights are named by content, images not at all:

    what `identity_of` says of these belongs beside it.
    """
    found = {name: copy.deepcopy(cfg[name]) for name in names if name in cfg}
    if not (found.get('auto_scale_lr') or {}).get('enable'):
        found.pop('auto_scale_lr', None)
    for name in ('train_dataloader', 'val_dataloader'):
        loader = found.get(name) or {}
        for option in OUTER_OF_LOADERS:
            loader.pop(option, None)
        if 'dataset' in loader:
            loader['dataset'] = _without_places(loader['dataset'])
    for name in {'model', 'load_from'} & found.keys():
        found[name] = _by_content(found[name], name)
    return found


def of_training(cfg: dict, names: Iterable[str] = DECISIVE) -> dict[str, Any]:
    """Return what decides a training: without what is said of its validation."""
    found = decisive(cfg, names)
    for option in OF_VALIDATION:
        (found.get('train_cfg') or {}).pop(option, None)
    return found


def _without_places(source: Any) -> Any:
    """Drop the places of local images; of remote ones, neither sizes nor labels are hashed."""
    if not isinstance(source, dict):
        return source
    places = {key: source[key] for key in PLACES if source.get(key)}
    if is_remote(str(places), source.get('backend_args')):
        return source
    dropped = (*PLACES, 'split') if 'labeled' in source else PLACES
    return {
        key: _without_places(value) if key in SOURCES else value
        for key, value in source.items()
        if key not in dropped
    }


def _by_content(value: Any, key: str) -> Any:
    if isinstance(value, dict):
        return {name: _by_content(one, name) for name, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [_by_content(one, key) for one in value]
    if key not in ('load_from', 'checkpoint') or not isinstance(value, str) or '://' in value:
        return value
    path = osp.expanduser(value)
    if not osp.isfile(path):
        raise UserError(f'{key}={value}: there is no such checkpoint. Correct the path.')
    return f'weights {content_hash(path)}'


def content_hash(path: str) -> str:
    """Return the hash of a checkpoint's weights, which is taken once for each state of the file."""
    state = os.stat(path)
    return _hash_once(path, state.st_mtime_ns, state.st_size)


@lru_cache
def _hash_once(path: str, *_state: int) -> str:
    return weights_hash(path)


def weights_hash(checkpoint: str) -> str:
    """Return sha256 over names and values; what else a file holds (its time) does not count."""
    found = safe_load(checkpoint)
    weights = found.get('state_dict') if isinstance(found, dict) else None
    if not isinstance(weights, dict):
        return files_hash([checkpoint])
    digest = hashlib.sha256()
    for name, value in sorted(weights.items()):
        digest.update(name.encode())
        if isinstance(value, torch.Tensor):
            digest.update(value.cpu().reshape(-1).view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()


def identity_of(dataset: BaseDataset, with_labels: bool = False) -> dict:
    """Return ids and total size of the images, and hashes of their labels; of local files."""
    found, paths = list_identity(dataset), image_paths(dataset)
    found['bytes'] = sum(osp.getsize(path) for path in paths if osp.isfile(path))
    if with_labels:
        infos = (dataset.get_data_info(k) for k in range(len(dataset)))
        found['labels'] = files_hash(info.get('seg_map_path') for info in infos)
    return found


# ------------------------------------------------------------------ two keys side by side


def plain(value: Any) -> Any:
    """Return a key as it comes back from JSON."""
    return json.loads(json.dumps(value, default=str))


def differences(before: Any, now: Any, path: str = '') -> Iterator[str]:
    """Yield sentences on where two keys differ."""
    if _are(list, before, now) and len(before) == len(now) and _are(dict, *before, *now):
        before, now = dict(enumerate(before)), dict(enumerate(now))
    if _are(dict, before, now):
        for key in {**before, **now}:
            inner = f'{path}.{key}' if path else str(key)
            yield from differences(before.get(key), now.get(key), inner)
    elif before != now and path.startswith('images') and path.rpartition('.')[2] in HASHES:
        where, _, key = path.rpartition('.')
        yield f'{where}: {HASHES[key]}'
    elif before != now and path.startswith('uses.'):
        yield f"what it takes from '{path.removeprefix('uses.')}' has changed"
    elif before != now:
        was, now = _short(before), _short(now)  # long ones may begin alike
        yield f'{path} was {was}, is {now}' if was != now else f'{path} is not the same'


def _are(kind: type, *values: Any) -> bool:
    return all(isinstance(value, kind) for value in values)


def _short(value: Any) -> str:
    text = json.dumps(value) if not isinstance(value, str) else value
    return text if len(text) <= 40 else f'{text[:36]} …'
