from collections.abc import Sequence

import torch
from torch import Tensor, nn

from semiseg_mm.errors import UserError
from semiseg_mm.registry import MODELS
from semiseg_mm.structures import MixMask, PseudoLabel, View
from semiseg_mm.utils import check_choice, check_range, check_share

from .box_mix import uniform
from .partners import PARTNERS, draw_partners, unpadded

UNSURE = 'unsure'


@MODELS.register_module()
class BetaBoxMix(nn.Module):
    """Show another image through a box around a random centre, cut off at the border.

    It is the box of the first CutMix (Yun et al., ICCV 2019), in the image's shape. All images of
    a batch have boxes of one size, each in a place of its own.

    Args:
        beta: The share of the image that stays is drawn from Beta(a, b), before the cutting off.
        side: Range that the box's sides are drawn from, as shares of the image's, in the place of
            ``beta`` (iMAS).
        prob: Probability that an image is mixed at all. 'unsure' takes 1 - the certainty of its
            label: images of which the teacher is unsure are mixed more often (AugSeg).
        margin: The centre's coordinates are drawn from this share of a side to all of it.
        partner: Whose pixels show, see ``draw_partners``. Padding of labeled images is not pasted.
    """

    def __init__(
        self,
        beta: Sequence[float] = (4.0, 4.0),
        prob: float | str = 1.0,
        margin: float = 0.0,
        partner: str = 'random',
        side: Sequence[float] | None = None,
    ) -> None:
        super().__init__()
        check_range('beta', sorted(beta), 'BetaBoxMix')
        check_choice('partner', partner, PARTNERS, 'BetaBoxMix')
        if side is not None:
            check_range('side', side, 'BetaBoxMix', most=1)
        check_share('margin', margin, 'BetaBoxMix')
        if prob != UNSURE:
            check_share('prob', prob, 'BetaBoxMix')
        self.beta = beta
        self.prob = prob
        self.margin = margin
        self.partner = partner
        self.side = side

    def draw(
        self, images: Tensor, target: PseudoLabel | None = None, labeled: View | None = None
    ) -> MixMask:
        """Draw the masks for B,C,H,W. On the CPU generator, so devices agree."""
        partner = draw_partners(images, self.partner, labeled)
        side = self._side()
        rows, columns = (self._covered(len(images), n, side) for n in images.shape[2:])
        mask = (rows.unsqueeze(2) & columns.unsqueeze(1)).to(images.device, non_blocking=True)
        drawn = torch.rand(len(images)).to(images.device, non_blocking=True)
        mask = mask & (drawn < self._probability(target)).view(-1, 1, 1)
        return unpadded(mask, partner, labeled)

    def _side(self) -> float:
        if self.side is None:
            return (1 - torch.distributions.Beta(*self.beta).sample().item()) ** 0.5
        low, high = self.side
        return low + (high - low) * uniform()

    def _covered(self, batch: int, length: int, side: float) -> Tensor:
        """Return which of the rows or columns B,N a box covers."""
        half, first = int(length * side) // 2, int(length * self.margin)
        centre = torch.randint(first, length, (batch, 1))
        place = torch.arange(length)
        return (place >= centre - half) & (place < centre + half)

    def _probability(self, target: PseudoLabel | None) -> float | Tensor:
        if self.prob != UNSURE:
            return self.prob
        if target is None or target.certainty is None:
            raise UserError(
                "BetaBoxMix with prob='unsure' asks how sure the teacher is of each image: set "
                "pseudo_label=dict(type='HardPseudoLabel', certainty=True), and a teacher that "
                "labels before the mixing ('ema' or 'self_eval')."
            )
        return 1 - target.certainty
