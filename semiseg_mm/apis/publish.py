import argparse
import copy
import hashlib
import os
import os.path as osp
import sys
from pathlib import Path

import torch
from mmengine.config import Config

from semiseg_mm.engine.checkpoint import safe_load
from semiseg_mm.models.segmentors.loading import PREFIX
from semiseg_mm.models.segmentors.network import override_network
from semiseg_mm.registry import MODELS
from semiseg_mm.utils import atomic_path, atomic_write_text

from .cli import choose_network, guarded, load_config


def run_publish(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        description='Write one network as a plain mmseg checkpoint and config.'
    )
    parser.add_argument('config', help='the config that was trained')
    parser.add_argument('checkpoint')
    parser.add_argument('out', help='file to write; the config goes beside it, as .py')
    parser.add_argument('--network', help='which network, if there are several')
    args = parser.parse_args(argv)
    return guarded(lambda args: publish(**vars(args)), args)


def publish(config: str, checkpoint: str, out: str, network: str | None = None) -> tuple[str, str]:
    """Write ``out`` and its config; mmseg loads them with no trace of this project."""
    cfg = load_config(config)
    source = safe_load(checkpoint)
    weights = source['state_dict']
    name = choose_network(weights, checkpoint, network)
    prefix = f'{PREFIX}{name}.'
    state = {key[len(prefix) :]: value for key, value in weights.items() if key.startswith(prefix)}
    meta = {key: source['meta'][key] for key in ('dataset_meta', 'iter', 'seed')}
    meta.update(network=name, source=osp.basename(checkpoint))

    out = str(Path(out).with_suffix('.pth'))
    os.makedirs(osp.dirname(out) or '.', exist_ok=True)
    with atomic_path(out) as part:
        torch.save(dict(state_dict=state, meta=meta), part)
    atomic_write_text(out[:-4] + '.py', plain_config(cfg, name).pretty_text)
    digest = hashlib.sha256(Path(out).read_bytes()).hexdigest()
    print(f'{out} (network {name}, sha256 {digest})\n{out[:-4]}.py', file=sys.stderr)
    return out, out[:-4] + '.py'


def plain_config(cfg: Config, network: str) -> Config:
    """What mmseg needs to build the network and to run it on images."""
    segmentor = cfg.model.segmentor
    if isinstance(segmentor, (list, tuple)):  # one config a network: net_0, net_1, …
        segmentor = segmentor[int(network.split('_')[-1])]
    model = copy.deepcopy(segmentor)
    override_network(model, cfg.model.get('num_classes'), cfg.model.get('test_cfg'))
    if not model.get('data_preprocessor') and cfg.model.get('data_preprocessor'):
        model.data_preprocessor = copy.deepcopy(cfg.model.data_preprocessor)
    model.get('backbone', {}).pop('init_cfg', None)  # the weights are in the checkpoint
    _name_own_types(model)
    pipeline = [dict(type='LoadImageFromFile'), dict(type='PackSegInputs')]
    return Config(dict(default_scope='mmseg', model=model, test_pipeline=pipeline))


def _name_own_types(config: dict) -> None:
    """A network that only semiseg_mm has is found from mmseg's scope by its prefix."""
    for value in config.values():
        for part in value if isinstance(value, (list, tuple)) else [value]:
            if isinstance(part, dict):
                _name_own_types(part)
    kind = config.get('type')
    known = isinstance(kind, str) and kind in MODELS
    if known and MODELS.get(kind).__module__.startswith('semiseg_mm.'):
        config['type'] = f'semiseg_mm.{kind}'
