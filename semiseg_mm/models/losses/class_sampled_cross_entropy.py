import torch
import torch.nn.functional as F
from torch import Tensor

from semiseg_mm.models.class_confidence import ByClassConfidence
from semiseg_mm.registry import MODELS
from semiseg_mm.structures import PseudoLabel
from semiseg_mm.utils import check_number


@MODELS.register_module()
class ClassSampledCrossEntropy(ByClassConfidence):
    """Let pixels of well known classes count rarely, and unsure pixels little (AEL).

    A pixel counts with the power of its confidence. It is drawn with a probability that is 1 for
    the class that is known least and falls to 0 for a class that is known perfectly; the class is
    the one that the student predicts. The weights are scaled to a sum of 1, over what a filter
    leaves out, too: so the loss is small where few pixels are kept.

    Args:
        gamma: The power of the confidence.
        sample: Whether pixels are drawn by class; if not, all count.
    """

    def __init__(self, gamma: float = 2.0, sample: bool = True) -> None:
        super().__init__()
        check_number('gamma', gamma, 'ClassSampledCrossEntropy')
        self.gamma = gamma
        self.sample = sample

    def forward(self, logits: Tensor, target: PseudoLabel) -> Tensor:
        weight = target.confidence**self.gamma * target.valid  # B,H,W
        if self.sample:
            chance = self.unknown / self.unknown.max().clamp(min=1e-12)
            drawn = torch.rand(weight.shape).to(weight.device, non_blocking=True)
            weight = weight * (drawn < chance[logits.detach().max(1).indices])
        pixels = F.cross_entropy(logits.float(), target.label, reduction='none')
        kept = weight if target.weight is None else weight * target.weight
        return (pixels * kept).sum() / weight.sum().clamp(min=1e-12)
