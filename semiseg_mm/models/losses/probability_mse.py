from torch import Tensor, nn

from semiseg_mm.registry import MODELS
from semiseg_mm.structures import PseudoLabel


@MODELS.register_module()
class ProbabilityMSE(nn.Module):
    """Squared distance of two probability maps, averaged over valid pixels and classes."""

    def forward(self, logits: Tensor, target: PseudoLabel) -> Tensor:
        if target.label.dim() != 4:
            raise ValueError(
                'ProbabilityMSE compares probabilities: set pseudo_label=dict('
                "type='SoftPseudoLabel') beside it."
            )
        pixels = (logits.float().softmax(1) - target.label).square().mean(1)  # B,H,W
        return (pixels * target.valid).sum() / target.valid.sum().clamp(min=1)
