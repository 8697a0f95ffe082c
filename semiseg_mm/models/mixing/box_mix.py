import math

import torch
from torch import Tensor, nn

from semiseg_mm.registry import MODELS
from semiseg_mm.structures import PseudoLabel

from .mix_mask import MixMask, draw_partners


@MODELS.register_module()
class BoxMix(nn.Module):
    """CutMix with boxes: the next image of the batch shows through them.

    Args:
        boxes: Number of boxes. Where an even number overlap, the image itself shows (XOR), as in
            French et al. 2020 and CPS.
        area: Range of the share of the image that all boxes together would cover.
        prob: Probability that an image is mixed at all.
        ratio: Range of a box's width over its height, redrawn until it fits; None draws the height
            log-uniformly between a full-width and a square-root box (French et al.).
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
            if torch.rand(()).item() < self.prob:
                for _ in range(self.boxes):
                    self._flip_box(sample)
        return MixMask(mask.to(images.device), partner)

    def _flip_box(self, mask: Tensor) -> None:
        """Invert one box."""
        low, high = self.area
        share = (low + (high - low) * torch.rand(()).item()) / self.boxes
        sides = self._draw_sides(share)
        lengths = [max(1, round(s * n)) for s, n in zip(sides, mask.shape, strict=True)]
        corner = [
            int(torch.randint(n - length + 1, ()).item())
            for n, length in zip(mask.shape, lengths, strict=True)
        ]
        top, left = corner
        mask[top : top + lengths[0], left : left + lengths[1]].logical_not_()

    def _draw_sides(self, share: float) -> tuple[float, float]:
        """Height and width of a box that covers ``share``, as parts of the image's."""
        if self.ratio is None:
            height = math.exp(math.log(share) * torch.rand(()).item())  # share .. 1
            return height, share / height
        low, high = self.ratio
        while True:
            ratio = low + (high - low) * torch.rand(()).item()
            height, width = math.sqrt(share / ratio), math.sqrt(share * ratio)
            if max(height, width) <= 1:
                return height, width
