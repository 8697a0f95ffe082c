from typing import NamedTuple

from torch import Tensor

from semiseg_mm.errors import UserError

from .mix_mask import MixMask
from .pseudo_label import PseudoLabel


class View(NamedTuple):
    """Hold one named view of a batch: 'labeled', 'weak', 'strong', ..."""

    inputs: Tensor  # B,C,H,W normalised
    data_samples: list
    valid: Tensor  # B,H,W bool: pixels of the image, not of the padding
    target: PseudoLabel | None = None  # its label, if that is known before the forward
    mix: MixMask | None = None  # how it was mixed, if it was
    pasted: PseudoLabel | None = None  # the label of what was pasted, where that is another view's

    def mixed(self, mix: MixMask, other: 'View | None' = None) -> 'View':
        """Return it with the partners' pixels pasted, and its label, if it has one, alike.

        Args:
            other: Where the partners stand, with their label; by default in this view. It is the
                labeled view if the partners are labeled images.
        """
        if mix.from_labeled and (other is None or other.target is None):
            raise UserError(
                'This mask pastes labeled images: View.mixed needs the labeled view with its label '
                'as target (mix_view of semiseg_mm.models.mixing hands it over).'
            )
        source = self if other is None else other
        view = self._replace(
            inputs=mix.paste(self.inputs, source.inputs),
            valid=mix.paste(self.valid, source.valid) > 0,
            mix=mix,
            pasted=None if other is None else other.target,
        )
        return view if self.target is None else view.taught(self.target)

    def taught(self, target: PseudoLabel) -> 'View':
        """Return it with the label of its unmixed images, mixed as these were."""
        return self._replace(
            target=target if self.mix is None else target.mixed(self.mix, self.pasted)
        )
