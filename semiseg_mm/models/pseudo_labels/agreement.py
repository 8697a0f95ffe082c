from collections.abc import Sequence

import torch
from torch import Tensor

from semiseg_mm.structures import PseudoLabel


def image_agreement(
    one: PseudoLabel, other: PseudoLabel, classes: int, threshold: float, without: Sequence[int]
) -> Tensor:
    """Return how much two networks agree on each image B, and how sure they are: 0 to 1 (iMAS).

    It is the mean of two products, one for each network: the IoU of the classes, weighed by how
    many pixels this network gives each class, times its share of pixels of at least this
    confidence. An image without any class that counts has 0.

    Args:
        one, other: Hard labels of the same images.
        classes: Number of classes.
        threshold: The confidence.
        without: Classes that do not count.
    """
    valid = one.valid
    masks = [((one.label == c) & valid, (other.label == c) & valid) for c in range(classes)]
    areas = torch.stack([torch.stack([a.sum((1, 2)), b.sum((1, 2))]) for a, b in masks]).float()
    shared = torch.stack([(a & b).sum((1, 2)) for a, b in masks])  # C,B; areas C,2,B
    iou = shared / (areas.sum(1) - shared).clamp(min=1)
    counted = torch.ones(classes, 1, 1)
    counted[list(without)] = 0
    weights = areas * counted.to(areas.device, non_blocking=True)
    weighed = (weights * iou.unsqueeze(1)).sum(0) / weights.sum(0).clamp(min=1)  # 2,B
    sure = torch.stack([((x.confidence >= threshold) & valid).sum((1, 2)) for x in (one, other)])
    return (weighed * sure / valid.sum((1, 2)).clamp(min=1)).mean(0)
