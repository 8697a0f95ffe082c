from collections.abc import Sequence

import torch
from torch import Tensor

from semiseg_mm.errors import UserError
from semiseg_mm.models.class_confidence import ByClassConfidence
from semiseg_mm.registry import MODELS
from semiseg_mm.structures import MixMask, PseudoLabel, View
from semiseg_mm.utils import check_count, check_share


@MODELS.register_module()
class ClassPaste(ByClassConfidence):
    """Paste all pixels of a few badly known classes of the next image (AEL's copy-paste).

    The classes are drawn once for the batch, those that are known least most often (softmax of
    the root of 1 - confidence).

    Args:
        count: How many classes are drawn; the same one may come twice.
        classes: Numbers of the classes to draw from, say the rare ones; None: all.
        prob: Probability that an image gets pixels of another one.
    """

    def __init__(
        self, count: int = 3, classes: Sequence[int] | None = None, prob: float = 0.5
    ) -> None:
        super().__init__()
        check_count('count', count, 'ClassPaste', least=1)
        check_share('prob', prob, 'ClassPaste')
        self.count = count
        self.classes = classes
        self.prob = prob

    def draw(
        self, images: Tensor, target: PseudoLabel | None = None, labeled: View | None = None
    ) -> MixMask:
        """Draw the masks for B,C,H,W; the random numbers come from the CPU generator."""
        if len(images) < 2:
            raise UserError(
                'ClassPaste takes objects from the next image of the batch, and a process has one '
                'image: set train_dataloader.sampler.labeled to 2 or more.'
            )
        device = images.device
        chances = self._chances()
        before = torch.ones(len(chances), len(chances)).tril().to(device, non_blocking=True)
        ends = before @ chances  # a cumsum, which a GPU refuses in deterministic mode
        places = (torch.rand(self.count) * (1 - 1e-6)).to(device, non_blocking=True)
        drawn = torch.searchsorted(ends, places * ends[-1], right=True)
        partner = torch.arange(len(images)).roll(-1).to(device, non_blocking=True)
        hard, valid = target.hard[partner], target.valid[partner]
        mask = torch.stack([hard == cls for cls in drawn]).any(0) & valid
        mixed = (torch.rand(len(images), 1, 1) < self.prob).to(device, non_blocking=True)
        return MixMask(mask & mixed, partner)

    def _chances(self) -> Tensor:
        """Return the probability C of each class."""
        strength = self.unknown.sqrt()
        if self.classes is None:
            return strength.softmax(0)
        if not set(self.classes) <= set(range(len(strength))):
            raise UserError(
                f'classes={list(self.classes)} of ClassPaste: give numbers from 0 to '
                f'{len(strength) - 1}.'
            )
        others = torch.ones(len(strength), dtype=torch.bool)
        others[list(self.classes)] = False
        return strength.masked_fill(others.to(strength.device, non_blocking=True), -1e4).softmax(0)
