"""Predictions that spread to where an image has to do with itself (CorrMatch).

``rows`` B,h*w,h*w say how much each place has to do with each other one, see ``Correlation``.
"""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from semiseg_mm.structures import PseudoLabel


def spread_logits(logits: Tensor, rows: Tensor, size: Sequence[int], align_corners: bool) -> Tensor:
    """Return logits B,C,H,W of what all places say of each; no gradient reaches those given.

    Args:
        size: h, w of the rows.
    """
    coarse = _enlarged(logits.detach().float(), size, align_corners)
    spread = (coarse.flatten(2) @ rows).view_as(coarse)
    return _enlarged(spread, logits.shape[2:], align_corners)


@torch.no_grad()
def draw_regions(
    rows: Tensor, size: Sequence[int], shape: Sequence[int], number: int, align_corners: bool
) -> Tensor:
    """Return B,number,H,W: what has most to do with some places, the same ones in each image.

    It is where an enlarged row is in the upper half of its range. Places are drawn on the CPU.

    Args:
        size: h, w of the rows.
        shape: H, W of the regions.
    """
    places = torch.randint(rows.shape[1], (number,)).to(rows.device, non_blocking=True)
    maps = rows.index_select(1, places).unflatten(2, tuple(size))
    maps = _enlarged(maps, shape, align_corners)
    low, high = maps.aminmax(dim=3, keepdim=True)
    low, high = low.amin(2, keepdim=True), high.amax(2, keepdim=True)
    return maps - low > 0.5 * (high - low)


@torch.no_grad()
def propagate(
    target: PseudoLabel, regions: Tensor, share: float | Tensor, num_classes: int
) -> PseudoLabel:
    """Return the label, as a hard one, with whole regions of one class, and those regions as kept.

    A region is filled if the kept pixels are at least this share of it, and more than this share of
    them has one class. All regions vote on the label as it comes; where two overlap, the later one
    is seen.

    Args:
        regions: B,N,H,W bool, N for each image.
        share: The share, which a running threshold may be.
    """
    labels, weights = [], []
    for own, kept, maps in zip(target.hard, target.kept, regions, strict=True):
        votes, area = _votes(own, kept > 0, maps, num_classes), maps.sum((1, 2))
        total = votes.sum(1)
        most, winner = votes.max(1)
        filled = (total > 0) & (total >= share * area) & (most > share * total)
        order = torch.arange(1, len(maps) + 1, device=maps.device) * filled  # N
        last = (maps * order.view(-1, 1, 1)).amax(0)  # H,W: 0 where there is none
        labels.append(torch.where(last > 0, winner[(last - 1).clamp(min=0)], own))
        weights.append(torch.where(last > 0, 1, kept))
    return target._replace(label=torch.stack(labels), weight=torch.stack(weights))


def _votes(label: Tensor, kept: Tensor, maps: Tensor, num_classes: int) -> Tensor:
    """Return how many kept pixels of each class are in each map, N,C; not in half precision."""
    votes = F.one_hot(label.flatten(), num_classes) * kept.flatten().unsqueeze(1)
    with torch.autocast(maps.device.type, enabled=False):
        return maps.flatten(1).float() @ votes.float()


def _enlarged(maps: Tensor, size: Sequence[int], align_corners: bool) -> Tensor:
    return F.interpolate(maps, tuple(size), mode='bilinear', align_corners=align_corners)
