"""What contrastive losses of pixels share."""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor


def nearest_pixel(x: Tensor, size: torch.Size) -> Tensor:
    """Shrink B,H,W to h,w, each pixel by the nearest one."""
    return F.interpolate(x.float().unsqueeze(1), size)[:, 0].to(x.dtype)


def places_of(label: Tensor, classes: int) -> list[Tensor]:
    """Return for each class where a label B,h,w has it, as numbers in its flattened form."""
    own = [label.flatten() == number for number in range(classes)]
    return [where.nonzero()[:, 0] for where in own]  # waits: how many there are


def draw(count: int, shape: int | Sequence[int], like: Tensor) -> Tensor:
    """Draw numbers below ``count``, on the CPU generator, so that devices agree."""
    shape = (shape,) if isinstance(shape, int) else tuple(shape)
    return torch.randint(count, shape).to(like.device, non_blocking=True)


def draw_few(places: Tensor, most: int) -> Tensor:
    """Draw ``most`` of some numbers, none of them twice; if there are no more, take all."""
    if len(places) <= most:
        return places
    return places[torch.randperm(len(places))[:most].to(places.device, non_blocking=True)]


def first_of(scores: Tensor) -> Tensor:
    """Return the mean cross entropy of naming the first one of scores N,K."""
    return F.cross_entropy(scores, torch.zeros_like(scores[:, 0], dtype=torch.long))
