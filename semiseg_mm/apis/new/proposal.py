"""Propose network, crop, batch, schedule and method."""

import os.path as osp
import urllib.request
from typing import NamedTuple

from mmengine.config import Config

from semiseg_mm.engine.checkpoint import weights_file
from semiseg_mm.utils.places import CONFIGS

MULTIPLE = 16  # sides of crops: every network here takes them


class Situation(NamedTuple):
    """What a proposal depends on."""

    labeled: int
    unlabeled: int
    size: tuple[int, int]  # h, w of a usual image
    gpu: bool


class Proposal(NamedTuple):
    network: str
    schedule: str
    method: str
    fit: int | None  # images are shrunk to this length of their longer side
    crop: tuple[int, int]
    scale: tuple[float, float]  # of a stored image, before the crop
    batch: int  # labeled and as many unlabeled images an iteration
    iterations: int
    pretrained: str | None  # where the encoder's weights come from
    reachable: bool  # whether they can be had


def propose(situation: Situation) -> Proposal:
    """Return the row of the table in docs/en/your_own_data.md that fits."""
    method = 'cps_cutmix' if situation.unlabeled >= 2 else 'sup_only'
    long = max(situation.size)
    if situation.gpu:
        network, schedule, most, side, batch = 'deeplabv3plus_r50-d16', 'sgd_20k_own', 1024, 384, 4
        images = situation.labeled + situation.unlabeled
        iterations = min(20000, max(2000, 20 * images // 500 * 500))
    else:
        network, schedule, most, side, batch = 'unet_s2', 'sgd_1k_shapes', 256, 128, 8
        iterations = 400
    fit = most if long > most else None
    factor = (fit or long) / long
    crop = tuple(_side(n * factor, side) for n in situation.size)
    scale = tuple(float(f'{factor * f:.2g}') for f in (0.75, 1.5))
    weights = _weights(network)
    reachable = weights is None or _at_hand(weights)
    return Proposal(
        network, schedule, method, fit, crop, scale, batch, iterations, weights, reachable
    )


def _side(length: float, most: int) -> int:
    return max(2 * MULTIPLE, int(min(length, most)) // MULTIPLE * MULTIPLE)


def _weights(network: str) -> str | None:
    backbone = Config.fromfile(CONFIGS / f'_base_/models/{network}.py').segmentor.backbone
    return (backbone.get('init_cfg') or {}).get('checkpoint')


def _at_hand(weights: str) -> bool:
    """Return whether weights are in the cache, or their server answers."""
    url, path = weights_file(weights)
    if osp.isfile(path):
        return True
    try:
        request = urllib.request.Request(url, method='HEAD')
        with urllib.request.urlopen(request, timeout=5):
            return True
    except (OSError, ValueError):
        return False
