from torch import Tensor, nn

from semiseg_mm.registry import MODELS
from semiseg_mm.structures import PseudoLabel


@MODELS.register_module()
class SoftPseudoLabel(nn.Module):
    """Label every pixel with all its probabilities."""

    def forward(self, logits: Tensor, valid: Tensor) -> PseudoLabel:
        probabilities = logits.detach().float().softmax(1)  # B,C,H,W
        return PseudoLabel(probabilities, probabilities.amax(1), valid)
