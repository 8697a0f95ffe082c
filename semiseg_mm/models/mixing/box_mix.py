import math

import torch
from torch import Tensor, nn

from semiseg_mm.errors import UserError
from semiseg_mm.registry import MODELS
from semiseg_mm.structures import MixMask, PseudoLabel, View
from semiseg_mm.utils import check_choice, check_count, check_range, check_share, draw_box

from .partners import NOBODY, PARTNERS, draw_partners, unpadded

SIDES = ('log', 'half')


@MODELS.register_module()
class BoxMix(nn.Module):
    """Show another image through boxes (CutMix), or nothing (CutOut).

    Args:
        boxes: Number of boxes. Where an even number overlap, the image itself shows (XOR), as in
            French et al. 2020 and CPS.
        area: Range of the share of the image that all boxes together would cover.
        prob: Probability that an image is mixed at all.
        prob_of: Whether ``prob`` is drawn for each 'image' or once for the whole 'batch' (U2PL).
        ratio: Range of a box's height over its width, see ``draw_box`` (UniMatch); None draws the
            sides as ``sides`` says.
        sides: 'log' draws the height log-uniformly and the width to go with it (French et al.),
            'half' the width uniformly from half of the image to all of it (U2PL).
        partner: 'next' in the batch, 'flip', 'pair', 'random', or 'labeled': whose pixels show,
            see ``draw_partners``. Padding of labeled images is not pasted. 'nobody' shows the mean
            colour, from which nothing is learned (CutOut).
        outside: Whether it shows around the boxes instead, and the image itself in them.
    """

    def __init__(
        self,
        boxes: int = 1,
        area: tuple[float, float] = (0.25, 0.5),
        prob: float = 1.0,
        ratio: tuple[float, float] | None = None,
        partner: str = 'next',
        prob_of: str = 'image',
        sides: str = 'log',
        outside: bool = False,
    ) -> None:
        super().__init__()
        check_choice('partner', partner, (*PARTNERS, NOBODY), 'BoxMix')
        check_choice('prob_of', prob_of, ('image', 'batch'), 'BoxMix')
        check_choice('sides', sides, SIDES, 'BoxMix')
        check_count('boxes', boxes, 'BoxMix', least=1)
        check_range('area', area, 'BoxMix', most=boxes)  # each box at most the image
        check_share('prob', prob, 'BoxMix')
        if ratio is not None:
            check_range('ratio', ratio, 'BoxMix')
        if ratio is not None and sides != SIDES[0]:
            raise UserError(
                f"BoxMix draws its boxes by ratio={ratio} or by sides='{sides}': not both."
            )
        self.boxes = boxes
        self.area = area
        self.prob = prob
        self.ratio = ratio
        self.partner = partner
        self.prob_of = prob_of
        self.sides = sides
        self.outside = outside

    def draw(
        self, images: Tensor, target: PseudoLabel | None = None, labeled: View | None = None
    ) -> MixMask:
        """Draw the masks for B,C,H,W. On the CPU generator, so devices agree."""
        partner = draw_partners(images, self.partner, labeled)
        batch, _, height, width = images.shape
        mask = torch.zeros(batch, height, width, dtype=torch.bool)
        together = uniform() < self.prob if self.prob_of == 'batch' else None
        for sample in mask:
            if together or (together is None and uniform() < self.prob):
                for _ in range(self.boxes):
                    self.flip_box(sample)
                if self.outside:
                    sample.logical_not_()
        mask = mask.to(images.device, non_blocking=True)
        return unpadded(mask, partner, labeled)

    def flip_box(self, mask: Tensor) -> None:
        """Draw a box and invert the mask H,W inside it."""
        low, high = self.area
        share = low + (high - low) * uniform()
        if self.ratio is not None:
            box = draw_box(mask.shape, lambda: share / self.boxes, self.ratio, uniform)
            mask[box].logical_not_()
            return
        if self.sides == 'half':
            width = 0.5 + 0.5 * uniform()
            height = min(1.0, share / width)
        else:
            height = math.exp(math.log(share) * uniform())  # share .. 1
            width = share / height
        sides = [side / math.sqrt(self.boxes) for side in (height, width)]
        lengths = [max(1, round(s * n)) for s, n in zip(sides, mask.shape, strict=True)]
        corner = [
            int(torch.randint(n - length + 1, ()).item())
            for n, length in zip(mask.shape, lengths, strict=True)
        ]
        top, left = corner
        mask[top : top + lengths[0], left : left + lengths[1]].logical_not_()


def uniform() -> float:
    return torch.rand(()).item()
