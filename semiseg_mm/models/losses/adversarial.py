from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from semiseg_mm.structures import PseudoLabel


def judged_as(real: bool, scores: Tensor, valid: Tensor) -> Tensor:
    """Return how far a discriminator's scores B,H,W are from calling everything real, or nothing.

    It is the mean binary cross entropy over the valid pixels; of none it is 0.
    """
    truth = torch.full_like(scores, float(real), dtype=torch.float32)
    pixels = F.binary_cross_entropy_with_logits(scores.float(), truth, reduction='none')
    return (pixels * valid).sum() / valid.sum().clamp(min=1)


def discrimination(
    discriminator: Callable, known: Tensor, guess: Tensor, truth: PseudoLabel, valid: Tensor
) -> Tensor:
    """Return a discriminator's own loss: labels are ground truth, and predictions are not.

    A pixel without label has no class at all.

    Args:
        known, guess: Probabilities B,C,H,W on labeled and on unlabeled images.
        valid: Pixels of the unlabeled images, without the padding.
    """
    fakes, where = torch.cat([known, guess]).detach(), torch.cat([truth.valid, valid])
    one_hot = F.one_hot(truth.label, known.shape[1]).permute(0, 3, 1, 2).to(known.dtype)
    real = judged_as(True, discriminator(one_hot * truth.valid.unsqueeze(1)), truth.valid)
    return (judged_as(False, discriminator(fakes), where) + real) / 2
