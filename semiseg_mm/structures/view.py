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
    pasted: PseudoLabel | None = None  # the label of what was pasted from labeled images

    def mixed(self, mix: MixMask, labeled: 'View | None' = None) -> 'View':
        """Return it with the partners' pixels pasted, and its label, if it has one, alike.

        Args:
            labeled: The labeled view with its label, if the partners are labeled images.
        """
        other = labeled if mix.from_labeled else self
        if other is None or (mix.from_labeled and other.target is None):
            raise UserError(
                'This mask pastes labeled images: View.mixed needs the labeled view with its label '
                'as target (mix_view of semiseg_mm.models.mixing hands it over).'
            )
        view = self._replace(
            inputs=mix.paste(self.inputs, other.inputs),
            valid=mix.paste(self.valid, other.valid),
            mix=mix,
            pasted=other.target if mix.from_labeled else None,
        )
        return view if self.target is None else view.taught(self.target)

    def taught(self, target: PseudoLabel) -> 'View':
        """Return it with the label of its unmixed images, mixed as these were."""
        return self._replace(
            target=target if self.mix is None else target.mixed(self.mix, self.pasted)
        )
