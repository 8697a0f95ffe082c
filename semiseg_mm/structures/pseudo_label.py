from typing import NamedTuple

from torch import Tensor


class PseudoLabel(NamedTuple):
    """What teachers, filters, mixers and losses hand to each other."""

    label: Tensor  # B,H,W long (hard) or B,C,H,W probabilities (soft)
    confidence: Tensor  # B,H,W: the largest probability
    valid: Tensor  # B,H,W bool: pixels of the image, not of the padding
    weight: Tensor | None = None  # B,H,W: what a filter leaves of each pixel; None: all
