import math

import torch
from torch import Tensor, nn

from semiseg_mm.registry import MODELS
from semiseg_mm.structures import PseudoLabel
from semiseg_mm.utils import draw_box

from .mix_mask import MixMask, draw_partners


@MODELS.register_module()
class BoxMix(nn.Module):
    """CutMix with boxes: the next image of the batch shows through them.

    Args:
        boxes: Number of boxes. Where an even number overlap, the image itself shows (XOR), as in
            French et al. 2020 and CPS.
        area: Range of the share of the image that all boxes together would cover.
        prob: Probability that an image is mixed at all.
        ratio: Range of a box's height over its width, see ``draw_box`` (UniMatch); None draws the
            height log-uniformly and the width to go with it (French et al.).
        partner: 'next' in the batch, 'flip', 'pair' or 'random', see ``draw_partners``.
    """

    def __init__(
        self,
        boxes: int = 1,
        area: tuple[float, float] = (0.25, 0.5),
        prob: float = 1.0,
        ratio: tuple[float, float] | None = None,
        partner: str = 'next',
    ) -> None:
        super().__init__()
        self.boxes = boxes
        self.area = area
        self.prob = prob
        self.ratio = ratio
        self.partner = partner

    def draw(self, images: Tensor, target: PseudoLabel | None = None) -> MixMask:
        """Draw the masks for B,C,H,W. On the CPU generator, so devices agree."""
        partner = draw_partners(images, self.partner)
        batch, _, height, width = images.shape
        mask = torch.zeros(batch, height, width, dtype=torch.bool)
        for sample in mask:
            if uniform() < self.prob:
                for _ in range(self.boxes):
                    self._flip_box(sample)
        return MixMask(mask.to(images.device), partner)

    def _flip_box(self, mask: Tensor) -> None:
        """Invert one box."""
        low, high = self.area
        share = low + (high - low) * uniform()
        if self.ratio is not None:
            box = draw_box(mask.shape, lambda: share / self.boxes, self.ratio, uniform)
            mask[box].logical_not_()
            return
        height = math.exp(math.log(share) * uniform())  # share .. 1
        sides = [side / math.sqrt(self.boxes) for side in (height, share / height)]
        lengths = [max(1, round(s * n)) for s, n in zip(sides, mask.shape, strict=True)]
        corner = [
            int(torch.randint(n - length + 1, ()).item())
            for n, length in zip(mask.shape, lengths, strict=True)
        ]
        top, left = corner
        mask[top : top + lengths[0], left : left + lengths[1]].logical_not_()


def uniform() -> float:
    return torch.rand(()).item()
