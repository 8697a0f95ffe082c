"""Where two crops of one image show the same, cell by cell."""

import math
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor


class Pixels(NamedTuple):
    """Hold pixels or cells: B,h,w,… of images, or N,… of several together."""

    features: Tensor  # …,D of length 1
    label: Tensor  # … long; -1 is padding
    confidence: Tensor

    @staticmethod
    def each(change, *crops: 'Pixels') -> 'Pixels':
        """Return what a function makes of features, labels and confidences."""
        return Pixels(*(change(*parts) for parts in zip(*crops, strict=True)))


def shrunk(x: Tensor, size: Sequence[int]) -> Tensor:
    """Return B,D,H,W as means over cells, so many along each side.

    Where the cells do not fall on whole pixels, the map is enlarged first.
    """
    steps = [math.ceil(side / cells) for side, cells in zip(x.shape[2:], size, strict=True)]
    whole = [step * cells for step, cells in zip(steps, size, strict=True)]
    if whole != list(x.shape[2:]):
        x = F.interpolate(x, whole, mode='bilinear', align_corners=False)
    return F.avg_pool2d(x, steps)


def unflipped(x: Tensor, flips: Sequence[bool]) -> Tensor:
    """Return images B,h,w,… as they were before some were flipped."""
    return torch.stack([one.flip(1) if flip else one for one, flip in zip(x, flips, strict=True)])


def shared(crops: Sequence[Pixels], shifts: Sequence[Sequence[int]]) -> Iterator[Pixels]:
    """Return the cells N that both crops of all images show, for each crop.

    Args:
        shifts: How many cells each second crop lies below the first one, and to its right.
    """
    for sign, crop in zip((1, -1), crops, strict=True):
        places = [
            [_inside(sign * far, side) for far, side in zip(shift, crop.label.shape[1:])]
            for shift in shifts
        ]
        yield Pixels.each(
            lambda x, places=places: torch.cat(
                [image[rows, columns].flatten(0, 1) for image, (rows, columns) in zip(x, places)]
            ),
            crop,
        )


def _inside(shift: int, side: int) -> slice:
    return slice(max(0, shift), side + min(0, shift))
