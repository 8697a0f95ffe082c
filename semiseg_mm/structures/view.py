from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from torch import Tensor

from .pseudo_label import PseudoLabel

if TYPE_CHECKING:
    from semiseg_mm.models.mixing import MixMask


class View(NamedTuple):
    """One named view of a batch: 'labeled', 'weak', 'strong', ..."""

    inputs: Tensor  # B,C,H,W normalised
    data_samples: list
    valid: Tensor  # B,H,W bool: pixels of the image, not of the padding
    mix: MixMask | None = None  # how it was mixed, if it was
    target: PseudoLabel | None = None  # what was predicted for it, if it was before the forward
