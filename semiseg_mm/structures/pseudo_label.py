from collections.abc import Iterable
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from semiseg_mm.errors import UserError

from .mix_mask import MixMask

MOST_CLASSES = 4096  # that hard labels may have


class PseudoLabel(NamedTuple):
    """Hold a label of pixels, as teachers, filters, mixers and losses hand it to each other."""

    label: Tensor  # B,H,W long (hard) or B,C,H,W probabilities (soft)
    confidence: Tensor  # B,H,W: the largest probability
    valid: Tensor  # B,H,W bool: pixels of the image, not of the padding
    weight: Tensor | None = None  # B,H,W: what a filter leaves of each pixel; None: all
    certainty: Tensor | None = None  # B, 0 to 1: how sure its maker is of each image, if asked

    def weighted(self, weight: Tensor) -> 'PseudoLabel':
        """Return it with this weight, times what there was."""
        return self._replace(weight=weight if self.weight is None else self.weight * weight)

    @property
    def kept(self) -> Tensor:
        """Return how much each pixel B,H,W counts; padding does not."""
        return self.valid.float() if self.weight is None else self.valid * self.weight

    @property
    def hard(self) -> Tensor:
        """Return the class of each pixel B,H,W, of soft labels the most probable one."""
        return self.label if self.label.dim() == 3 else self.label.max(1).indices

    @staticmethod
    def cat(targets: 'Iterable[PseudoLabel]') -> 'PseudoLabel':
        """Return several labels of one kind as one batch."""
        parts = zip(*targets)
        return PseudoLabel._make(None if part[0] is None else torch.cat(part) for part in parts)

    def mixed(self, mix: MixMask, other: 'PseudoLabel | None' = None) -> 'PseudoLabel':
        """Return it mixed as the image was; ``other`` is the partners' label, by default its own.

        A hard partner of soft labels becomes certain probabilities. Blended labels are soft ones;
        a pixel of which one image has only padding counts by the other's share.
        """
        other = self if other is None else other
        if mix.blends and self.label.dim() == 3:
            raise UserError(
                'A mixer that blends images (BlendMix) blends probabilities, too: set '
                "pseudo_label=dict(type='SoftPseudoLabel') beside it."
            )
        if self.label.dim() == 4 and other.label.dim() == 3:
            one_hot = F.one_hot(other.label, self.label.shape[1]).permute(0, 3, 1, 2)
            other = other._replace(label=one_hot.to(self.label.dtype))
        weight = None
        if mix.blends:
            weight = mix.paste(self.kept, other.kept)
        elif self.weight is not None or other.weight is not None:
            own, theirs = (
                torch.ones_like(one.confidence) if one.weight is None else one.weight
                for one in (self, other)
            )
            weight = mix.paste(own, theirs)
        label, confidence, valid = (
            mix.paste(own, theirs) for own, theirs in zip(self[:3], other[:3], strict=True)
        )
        return PseudoLabel(label, confidence, valid > 0, weight)
