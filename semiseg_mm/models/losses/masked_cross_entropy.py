import torch.nn.functional as F
from torch import Tensor, nn

from semiseg_mm.registry import MODELS
from semiseg_mm.structures import PseudoLabel
from semiseg_mm.utils import check_choice

from .average import NORMALISERS, average


@MODELS.register_module()
class MaskedCrossEntropy(nn.Module):
    """Compute the cross entropy with hard or soft labels; by default the mean of valid pixels.

    No valid pixel gives 0, with a gradient of 0.

    Args:
        over: What the sum is divided by, see ``average``.
    """

    def __init__(self, over: str = 'valid') -> None:
        super().__init__()
        check_choice('over', over, NORMALISERS, 'MaskedCrossEntropy')
        self.over = over

    def forward(self, logits: Tensor, target: PseudoLabel) -> Tensor:
        pixels = F.cross_entropy(logits.float(), target.label, reduction='none')  # B,H,W
        return average(pixels, target, self.over)
