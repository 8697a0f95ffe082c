from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from semiseg_mm.structures import PseudoLabel


def judged_as(real: bool, scores: Tensor, valid: Tensor) -> Tensor:
    """Return how far a discriminator's scores are from calling everything real, or nothing.

    It is the mean binary cross entropy over the valid pixels B,H,W, or images B; of none it is 0.
    """
    truth = torch.full_like(scores, float(real), dtype=torch.float32)
    pixels = F.binary_cross_entropy_with_logits(scores.float(), truth, reduction='none')
    return (pixels * valid).sum() / valid.sum().clamp(min=1)


def truth_map(truth: PseudoLabel, classes: int) -> Tensor:
    """Return a label as probabilities B,C,H,W; a pixel without label has no class at all."""
    one_hot = F.one_hot(truth.label, classes).permute(0, 3, 1, 2)
    return (one_hot * truth.valid.unsqueeze(1)).float()


def discrimination(
    discriminator: Callable, known: Tensor, guess: Tensor, truth: PseudoLabel, valid: Tensor
) -> Tensor:
    """Return a discriminator's own loss: labels are ground truth, and predictions are not.

    Args:
        known, guess: Probabilities B,C,H,W on labeled and on unlabeled images.
        valid: Pixels of the unlabeled images, without the padding.
    """
    fakes, where = torch.cat([known, guess]).detach(), torch.cat([truth.valid, valid])
    real = judged_as(True, discriminator(truth_map(truth, known.shape[1])), truth.valid)
    return (judged_as(False, discriminator(fakes), where) + real) / 2
