"""A model without weights: what it would take and give, at no cost."""

import warnings

import torch
from torch import nn

from semiseg_mm.models.segmentors.network import image_channels
from semiseg_mm.registry import MODELS

DIVISORS = (1, 2, 4, 8, 14, 16, 28, 32, 64)
SMALLEST = 65  # pixels of a side that is tried


def sketch(cfg: dict) -> nn.Module:
    """Build a model for its options, names and shapes; without values where that works."""
    try:
        with torch.device('meta'):
            return MODELS.build(cfg)
    except Exception:  # a constructor looks at values, or says now what is wrong
        return MODELS.build(cfg).to('meta')


def size_divisor_of(network: nn.Module) -> int:
    """Return the number of which the sides of what a network sees at once must be multiples.

    It is found by trying shapes: ``network`` is a sketch of one of mmseg's segmentors. A network
    that cannot be tried in this way counts as one that takes any size.
    """
    for divisor in DIVISORS:
        factor = -(-SMALLEST // divisor) | 1  # odd, so that no greater divisor helps
        size = divisor * factor, divisor * (factor + 2)
        if takes(network, size):
            return divisor
    return 1


@torch.no_grad()
def takes(network: nn.Module, size: tuple[int, int]) -> bool:
    """Return whether a sketch takes an image (h, w) as a whole."""
    meta = dict(ori_shape=size, img_shape=size, pad_shape=size)
    images = torch.empty(1, image_channels(network), *size, device='meta')
    with warnings.catch_warnings():
        warnings.simplefilter('ignore')  # mmseg's, about sizes
        try:
            network.eval().encode_decode(images, [meta])
        except Exception:  # each network has its own way to say so
            return False
    return True
