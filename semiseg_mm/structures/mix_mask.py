from typing import NamedTuple

import torch
from torch import Tensor


class MixMask(NamedTuple):
    """Say which pixels of each image are replaced, and by whose; all that belongs to it shares it.

    It knows tensors only. ``View.mixed`` and ``PseudoLabel.mixed`` paste whole views and labels.
    """

    mask: Tensor  # B,H,W bool: where the partner's pixels go
    partner: Tensor  # B long: each image's partner, in the same batch or among the labeled images
    from_labeled: bool = False  # whether the partners are labeled images

    def paste(self, x: Tensor, other: Tensor | None = None) -> Tensor:
        """Mix B,H,W or B,C,H,W with the partners, who stand in ``other``, by default in ``x``."""
        mask = self.mask if x.dim() == 3 else self.mask.unsqueeze(1)
        return torch.where(mask, (x if other is None else other)[self.partner], x)
