import math
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from semiseg_mm.errors import UserError
from semiseg_mm.registry import MODELS
from semiseg_mm.utils import check_number, check_share
from semiseg_mm.utils.class_weight import read_class_weight


@MODELS.register_module()
class ProbOhemCrossEntropy(nn.Module):
    """Average the cross entropy over hard pixels alone, as CPS, UniMatch and U2PL do.

    A pixel is hard if its label has a probability of at most ``thresh``. If these are too few, the
    hardest ``min_kept`` are taken, and those that tie with the last of them. It is a
    ``loss_decode`` of any head; mmseg's OHEMPixelSampler chooses the same pixels, but divides by
    all labeled ones. No labeled pixel gives 0, with a gradient of 0.

    Args:
        min_kept: Pixels of the batch of a process; of an image of it with ``per_image``.
        class_weight: A number for each class, or a .npy or .json file; then a weighted mean.
        loss_name: Its name in the log, which must begin with ``loss_``.
    """

    def __init__(
        self,
        thresh: float = 0.7,
        min_kept: int = 100000,
        per_image: bool = False,
        class_weight: Sequence[float] | str | None = None,
        loss_weight: float = 1.0,
        loss_name: str = 'loss_ce',
    ) -> None:
        super().__init__()
        if min_kept < 1:
            raise UserError(f'min_kept={min_kept} of ProbOhemCrossEntropy must be 1 or more.')
        check_share('thresh', thresh, 'ProbOhemCrossEntropy')
        check_number('loss_weight', loss_weight, 'ProbOhemCrossEntropy')
        self.thresh = thresh
        self.min_kept = min_kept
        self.per_image = per_image
        weights = read_class_weight(class_weight)
        weights = None if weights is None else torch.tensor(weights, dtype=torch.float32)
        self.register_buffer('class_weight', weights, persistent=False)
        self.loss_weight = loss_weight
        self.loss_name = loss_name

    def forward(
        self, logits: Tensor, label: Tensor, weight: Tensor | None = None, ignore_index: int = 255
    ) -> Tensor:
        """Return the loss of logits B,C,H,W and labels B,H,W.

        Args:
            weight: What a head's sampler says of the pixels; must be None.
        """
        if weight is not None:
            raise UserError(
                'ProbOhemCrossEntropy chooses the pixels itself: leave decode_head.sampler out.'
            )
        logits = logits.float()
        target = self._only_hard(logits.detach(), label, ignore_index)
        # a GPU has no deterministic mean over a map
        by_pixel = torch.are_deterministic_algorithms_enabled()
        loss = F.cross_entropy(
            logits,
            target,
            self.class_weight,
            ignore_index=ignore_index,
            reduction='none' if by_pixel else 'mean',
        )
        if by_pixel:
            loss = loss.sum() / self._total_weight(target, ignore_index)
        # torch's mean of no pixel is NaN, with a gradient of 0
        return self.loss_weight * loss.where((label != ignore_index).any(), 0)

    def _total_weight(self, target: Tensor, ignore_index: int) -> Tensor:
        """Return what a mean divides by: the weights of the pixels that are not ignored."""
        known = target != ignore_index
        if self.class_weight is None:
            return known.sum().clamp(min=1)
        weights = self.class_weight[target.where(known, 0)] * known
        return weights.sum().clamp(min=torch.finfo(weights.dtype).tiny)

    def _only_hard(self, logits: Tensor, label: Tensor, ignore_index: int) -> Tensor:
        """Return the labels, with all pixels ignored that are not hard."""
        valid = label != ignore_index
        known = label.where(valid, torch.zeros_like(label))
        p = logits.softmax(1).gather(1, known.unsqueeze(1)).squeeze(1)  # B,H,W
        # kthvalue has no deterministic form on a GPU, and p[valid] would wait for one
        hardest = p.where(valid, math.inf).flatten().sort().values
        number = self.min_kept * (len(label) if self.per_image else 1)
        last = (valid.sum().clamp(max=number) - 1).clamp(min=0)
        limit = hardest.gather(0, last.unsqueeze(0)).clamp(min=self.thresh)
        valid = valid & ~(p > limit)  # a probability of NaN stays, and is seen in the loss
        return label.where(valid, torch.full_like(label, ignore_index))
