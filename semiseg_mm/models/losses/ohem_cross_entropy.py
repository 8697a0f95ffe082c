from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from semiseg_mm.errors import UserError
from semiseg_mm.registry import MODELS
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
        self.thresh = thresh
        self.min_kept = min_kept
        self.per_image = per_image
        self.class_weight = read_class_weight(class_weight)
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
        classes = None if self.class_weight is None else logits.new_tensor(self.class_weight)
        average = 'mean' if (label != ignore_index).any() else 'sum'
        by_pixel = torch.are_deterministic_algorithms_enabled()  # a GPU then refuses a map's mean
        loss = F.cross_entropy(
            logits,
            target,
            classes,
            ignore_index=ignore_index,
            reduction='none' if by_pixel else average,
        )
        if by_pixel:
            known = target[target != ignore_index]
            weights = torch.ones_like(known) if classes is None else classes[known]
            loss = loss.sum() / (weights.sum() if average == 'mean' else 1)
        return self.loss_weight * loss

    def _only_hard(self, logits: Tensor, label: Tensor, ignore_index: int) -> Tensor:
        """Return the labels, with all pixels ignored that are not hard."""
        valid = label != ignore_index
        known = label.where(valid, torch.zeros_like(label))
        p = logits.softmax(1).gather(1, known.unsqueeze(1)).squeeze(1)  # B,H,W
        hardest = p[valid].sort().values  # kthvalue has no deterministic form on a GPU
        number = self.min_kept * (len(label) if self.per_image else 1)
        if len(hardest):
            limit = hardest[min(number, len(hardest)) - 1].clamp(min=self.thresh)
            valid = valid & ~(p > limit)  # a probability of NaN stays, and is seen in the loss
        return label.where(valid, torch.full_like(label, ignore_index))
