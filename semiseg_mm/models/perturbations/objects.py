from functools import cached_property
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

GRID = 40  # cells along a side of the small copy on which objects are told apart
NONE = -1e6


class Boxes(NamedTuple):
    """Hold the box of an object at one pixel of each object, B,h,w; `there` says at which."""

    there: Tensor  # bool
    top: Tensor
    bottom: Tensor  # not included, as `right`
    left: Tensor
    right: Tensor


class Objects:
    """Know which pixels B,1,h,w belong to objects, and in which boxes the objects lie."""

    def __init__(self, mask: Tensor) -> None:
        self.mask = mask

    @cached_property
    def boxes(self) -> Boxes:
        """Return the boxes in the cells of a small copy."""
        size = [min(side, GRID) for side in self.mask.shape[2:]]
        return boxes_of(F.interpolate(self.mask.float(), size, mode='nearest') > 0)


def boxes_of(mask: Tensor) -> Boxes:
    """Return the box of each object: of all pixels B,1,h,w that touch, corners included.

    Each pixel hears from its neighbours how far the object reaches. That needs no count of objects,
    so the host waits for nothing. A thread longer than 2 (h + w) pixels falls into several boxes.
    """
    batch, _, height, width = mask.shape
    rows = torch.arange(height, device=mask.device, dtype=torch.float32).view(1, 1, -1, 1)
    columns = torch.arange(width, device=mask.device, dtype=torch.float32).view(1, 1, 1, -1)
    own = [-rows, rows + 1, -columns, columns + 1, rows * width + columns]
    own = torch.cat([fact.expand(batch, 1, height, width) for fact in own], 1)  # B,5,h,w
    outside = torch.full_like(own, NONE)
    reach = torch.where(mask, own, outside)
    for _ in range(2 * (height + width)):
        reach = torch.where(mask, F.max_pool2d(reach, 3, 1, 1), outside)
    top, bottom, left, right, last = reach.unbind(1)
    return Boxes((last == own[:, 4]) & mask[:, 0], -top, bottom, -left, right)
