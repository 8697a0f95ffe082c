from torch import Tensor, nn

from semiseg_mm.registry import MODELS
from semiseg_mm.structures import PseudoLabel


@MODELS.register_module()
class HardPseudoLabel(nn.Module):
    """Label every pixel with its most probable class."""

    def forward(self, logits: Tensor, valid: Tensor) -> PseudoLabel:
        confidence, label = logits.detach().float().softmax(1).max(1)  # B,H,W
        return PseudoLabel(label, confidence, valid)
