"""Reads ``bands``, one option of a config for images that are not RGB with 8 bits.

It is written into the places that it touches: what loads images (training, validation, test), the
first layer of the network, and the preprocessor. Whatever reads the config later (labels of a
stage, predict, publish, browse) finds it there.
"""

from collections.abc import Iterator, Sequence
from statistics import fmean
from typing import Any

import numpy as np
from mmcv.transforms import LoadImageFromFile
from mmengine.config import Config
from mmengine.registry import init_default_scope

from semiseg_mm.datasets.semi_dataset import build_labeled
from semiseg_mm.datasets.transforms.bands import COUNTS, LoadBands
from semiseg_mm.errors import UserError
from semiseg_mm.registry import TRANSFORMS

from .hints import arguments

KEYS = ('count', 'bits', 'low', 'high')
KEPT = ('backend_args', 'max_pixels')  # of a step that loads
LOADERS = ('train_dataloader', 'val_dataloader', 'test_dataloader', 'stages')
OF_COLOUR = ('PhotoMetricDistortion', 'RGB2Gray', 'AdjustGamma', 'CLAHE')
MEASURED = 20  # labeled images whose values are looked at
SHARES = (1, 99)  # percent


def use_bands(cfg: Config) -> None:
    """Rewrite a config that has ``bands``; leave any other as it is."""
    bands = cfg.pop('bands', None)
    if bands is None:
        return
    init_default_scope(cfg.get('default_scope', 'semiseg_mm'))
    unknown = set(bands) - set(KEYS)
    if unknown or bands.get('count') not in COUNTS:
        raise UserError(
            f'bands={dict(bands)}: it may have {", ".join(KEYS)}, and count must be 1, 3 or 4.'
        )
    if bands.get('bits') == 16 and None in (bands.get('low'), bands.get('high')):
        raise UserError(_advice(cfg, bands['count']))
    LoadBands(**bands)  # says what is wrong with it
    found = [_use_in_step(step, bands) for step in _steps([cfg.get(name) for name in LOADERS])]
    if not any(found):
        raise UserError('bands is set, but no pipeline of the config loads images from files.')
    networks = cfg.model.segmentor
    for network in networks if isinstance(networks, (list, tuple)) else [networks]:
        _use_in_network(network, bands['count'])
    _use_in_preprocessor(cfg.model.get('data_preprocessor'), bands['count'])


def _steps(value: Any) -> Iterator[dict]:
    """All parts of a config that have a type."""
    if isinstance(value, dict):
        if isinstance(value.get('type'), str):
            yield value
        value = list(value.values())
    if isinstance(value, (list, tuple)):
        for one in value:
            yield from _steps(one)


def _use_in_step(step: dict, bands: dict) -> bool:
    """Load bands if this step loads images; refuse what would not fit them."""
    count, kind = bands['count'], step['type'].split('.')[-1]
    if count != 3 and kind in OF_COLOUR:
        raise UserError(
            f'bands.count={count}: {kind} works on colours. Take StrongView, which leaves hue, '
            'saturation and grayscale out where an image is no RGB.'
        )
    padding = step.get('pad_val')
    if isinstance(padding, Sequence) and len(padding) != count:
        raise UserError(
            f'bands.count={count}: pad_val={tuple(padding)} of {kind} is for {len(padding)} '
            'channels. Give one number: train_dataloader.dataset.pad_val=0.'
        )
    found = TRANSFORMS.get(step['type']) if step['type'] in TRANSFORMS else None
    if not (isinstance(found, type) and issubclass(found, LoadImageFromFile)):
        return False
    kept = {key: step[key] for key in KEPT if key in step}
    step.clear()
    step.update(dict(type='LoadBands', **bands, **kept))
    return True


def _use_in_network(network: dict, count: int) -> None:
    _use_in_preprocessor(network.get('data_preprocessor'), count)
    if count == 3:
        return
    backbone = network.get('backbone') or {}
    known = arguments(backbone.get('type'))
    if known is None or 'in_channels' not in known.names:
        raise UserError(
            f'bands.count={count}: {backbone.get("type")} has no in_channels, it takes images of 3 '
            'bands. Choose another backbone, such as ResNetV1c, UNet or MixVisionTransformer.'
        )
    backbone['in_channels'] = count


def _use_in_preprocessor(preprocessor: dict | None, count: int) -> None:
    """Give it one mean and one deviation for all bands: mmseg takes 1 or 3."""
    if not preprocessor or count == 3:
        return
    for name in ('mean', 'std'):
        if preprocessor.get(name) is not None:
            preprocessor[name] = [fmean(preprocessor[name])]
    preprocessor.update(bgr_to_rgb=False, rgb_to_bgr=False)


def _advice(cfg: Config, count: int) -> str:
    """Say which range the values of the first labeled images have."""
    text = 'bands.bits=16 needs bands.low and bands.high, the values that become 0 and 255'
    source = dict(cfg.train_dataloader.dataset.labeled, pipeline=[])
    dataset = build_labeled(source, 'train_dataloader.dataset.labeled')
    loader = LoadBands(count, 16, 0, 65535)
    infos = [dataset.get_data_info(k) for k in range(min(MEASURED, len(dataset)))]
    values = [loader.raw(info)['img'].ravel() for info in infos]
    low, high = np.percentile(np.concatenate(values), SHARES).round().astype(int)
    return (
        f'{text}. Of the first {len(values)} labeled images, {SHARES[1] - SHARES[0]} % of the '
        f'values lie from {low} to {high}: bands.low={low} bands.high={high}.'
    )
