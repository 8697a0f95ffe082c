from torch import Tensor, nn

from semiseg_mm.registry import MODELS
from semiseg_mm.structures import PseudoLabel

from .average import average


@MODELS.register_module()
class ProbabilityMSE(nn.Module):
    """Squared distance of two probability maps, averaged over pixels.

    Args:
        over: What the sum is divided by, see ``average``.
        classes: 'mean' or 'sum' over the classes.
    """

    def __init__(self, over: str = 'valid', classes: str = 'mean') -> None:
        super().__init__()
        if classes not in ('mean', 'sum'):
            raise ValueError(f"classes is 'mean' or 'sum', got {classes!r}")
        self.over = over
        self.classes = classes

    def forward(self, logits: Tensor, target: PseudoLabel) -> Tensor:
        if target.label.dim() != 4:
            raise ValueError(
                'ProbabilityMSE compares probabilities: set pseudo_label=dict('
                "type='SoftPseudoLabel') beside it."
            )
        distance = (logits.float().softmax(1) - target.label).square()
        pixels = distance.mean(1) if self.classes == 'mean' else distance.sum(1)  # B,H,W
        return average(pixels, target, self.over)
