"""What a training begins with: weights of files, of addresses, of libraries."""

import hashlib
import os.path as osp
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from mmengine.config import Config

from .checkpoint import weights_file
from .keys import content_hash

KEYS = ('checkpoint', 'pretrained', 'checkpoint_path')


def weights_of(cfg: Config, network: Mapping) -> list[str]:
    """Return the names of all weights that a training begins with, apart from its own.

    These are the ones of the network, wherever in it they are named, and those of the parts that
    the method has beside its networks.
    """
    start = cfg.get('start_from') or (None if cfg.get('resume') else cfg.get('load_from'))
    beside = {key: value for key, value in cfg.model.items() if key != 'segmentor'}
    return [start] if start else list(dict.fromkeys([*_named(network), *_named(beside)]))


def weights_name(name: str) -> str:
    """Return a name without the folders of a machine."""
    return name if '://' in name else osp.basename(name)


def weights_hash(names: Sequence[str]) -> str | None:
    """Return a hash of what the weights hold; None if that of one of them is not known."""
    found = [_hash_of(name) for name in names]
    known = [one for one in found if one is not None]
    if not found or len(known) < len(found):
        return None
    return known[0] if len(known) == 1 else hashlib.sha256(' '.join(known).encode()).hexdigest()


def _named(value: Any) -> Iterator[str]:
    if isinstance(value, (list, tuple)):
        value = dict(enumerate(value))
    for key, one in value.items() if isinstance(value, Mapping) else ():
        if key in KEYS and isinstance(one, str) and one:
            yield one
        elif key == 'pretrained' and one is True:  # a library knows which
            yield key
        else:
            yield from _named(one)


def _hash_of(name: str) -> str | None:
    path = osp.expanduser(name) if '://' not in name else weights_file(name)[1]
    return content_hash(path) if osp.isfile(path) else None
