from typing import NamedTuple

from torch import Tensor


class PseudoLabel(NamedTuple):
    """What teachers, filters, mixers and losses hand to each other."""

    label: Tensor  # B,H,W long (hard) or B,C,H,W probabilities (soft)
    confidence: Tensor  # B,H,W: the largest probability
    valid: Tensor  # B,H,W bool: pixels of the image, not of the padding
    weight: Tensor | None = None  # B,H,W: what a filter leaves of each pixel; None: all

    def weighted(self, weight: Tensor) -> 'PseudoLabel':
        """With this weight, times what there was."""
        return self._replace(weight=weight if self.weight is None else self.weight * weight)

    @property
    def kept(self) -> Tensor:
        """B,H,W: how much each pixel counts; padding does not."""
        return self.valid.float() if self.weight is None else self.valid * self.weight
