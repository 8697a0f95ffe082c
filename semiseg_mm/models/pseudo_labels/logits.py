from torch import Tensor, nn

from semiseg_mm.registry import MODELS
from semiseg_mm.structures import PseudoLabel


@MODELS.register_module()
class LogitPseudoLabel(nn.Module):
    """Label every pixel with its logits, for a loss that compares logits (``LogitCosine``).

    The confidence is the probability of the most probable class, each class by itself.
    """

    def forward(self, logits: Tensor, valid: Tensor) -> PseudoLabel:
        logits = logits.detach().float()  # B,C,H,W
        return PseudoLabel(logits, logits.sigmoid().amax(1), valid)
