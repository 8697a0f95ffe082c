import torch.nn.functional as F
from torch import Tensor, nn

from semiseg_mm.registry import MODELS
from semiseg_mm.structures import PseudoLabel


@MODELS.register_module()
class MaskedCrossEntropy(nn.Module):
    """Cross entropy with hard or soft labels, averaged over the valid pixels.

    No valid pixel gives 0, with a gradient of 0.
    """

    def forward(self, logits: Tensor, target: PseudoLabel) -> Tensor:
        pixels = F.cross_entropy(logits.float(), target.label, reduction='none')  # B,H,W
        return (pixels * target.valid).sum() / target.valid.sum().clamp(min=1)
