"""What is learned of the classes that an image has, wherever they are."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from semiseg_mm.registry import MODELS
from semiseg_mm.structures import PseudoLabel


def classes_in(truth: PseudoLabel, number: int) -> Tensor:
    """Return 1 for each class B,C that an image has a pixel of, else 0."""
    found = torch.zeros(len(truth.label), number + 1, device=truth.label.device)
    found.scatter_(1, truth.label.where(truth.valid, number).flatten(1), 1.0)
    return found[:, :number]


def image_class_loss(logits: Tensor, present: Tensor, truth: PseudoLabel) -> Tensor:
    """Return the mean binary cross entropy of classes B,K; an image without labels says nothing."""
    guess = F.binary_cross_entropy_with_logits(logits.float(), present, reduction='none')
    known = truth.valid.flatten(1).any(1, keepdim=True)  # B,1
    return (guess * known).sum() / (known.sum() * guess.shape[1]).clamp(min=1)


@MODELS.register_module()
class ImageClassLoss(nn.Module):
    """Compare the mean logits of an image, each a class by itself, with the classes that it has.

    It is a loss for heads of mmseg (``loss_decode``).
    """

    def __init__(self, loss_name: str = 'loss_classes') -> None:
        super().__init__()
        self.loss_name = loss_name

    def forward(self, pred: Tensor, target: Tensor, ignore_index: int = 255, **kwargs) -> Tensor:
        valid = target != ignore_index
        truth = PseudoLabel(target.where(valid, 0), None, valid)
        return image_class_loss(pred.mean((2, 3)), classes_in(truth, pred.shape[1]), truth)


@MODELS.register_module()
class LogitCosine(nn.Module):
    """Pull an image's mean logits to the direction of those of its label, a ``LogitPseudoLabel``.

    It is 1 - the cosine of both, the mean over images that are not all padding.
    """

    def forward(self, logits: Tensor, target: PseudoLabel) -> Tensor:
        own, taught = (x.float().mean((2, 3)) for x in (logits, target.label))  # B,C
        known = target.valid.flatten(1).any(1)  # B
        apart = 1 - F.cosine_similarity(own, taught, dim=1)
        return (apart * known).sum() / known.sum().clamp(min=1)
