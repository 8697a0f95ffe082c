from typing import NamedTuple

import torch
from torch import Tensor


class MixMask(NamedTuple):
    """Say which pixels of each image are replaced, and by whose; all that belongs to it shares it.

    It knows tensors only. ``View.mixed`` and ``PseudoLabel.mixed`` paste whole views and labels.
    """

    mask: Tensor  # B,H,W bool: where the partner's pixels go; or B,1,1: their share of all pixels
    partner: Tensor | None  # B long: each image's, in the same batch or among the labeled images;
    # None: nothing goes there, so zeros, and what is not valid
    from_labeled: bool = False  # whether the partners are labeled images

    @property
    def blends(self) -> bool:
        """Return whether each pixel is a weighted mean of both images."""
        return self.mask.is_floating_point()

    def paste(self, x: Tensor, other: Tensor | None = None) -> Tensor:
        """Mix B,H,W or B,C,H,W with the partners, who stand in ``other``, by default in ``x``."""
        mask = self.mask if x.dim() == 3 else self.mask.unsqueeze(1)
        if self.partner is None:
            return x.masked_fill(mask, 0)
        pasted = (x if other is None else other)[self.partner]
        if self.blends:
            return torch.lerp(x.float(), pasted.float(), mask)
        return torch.where(mask, pasted, x)
