from torch import Tensor, nn

from semiseg_mm.errors import UserError
from semiseg_mm.registry import MODELS
from semiseg_mm.structures import PseudoLabel
from semiseg_mm.utils import check_choice

from .average import NORMALISERS, average


@MODELS.register_module()
class ProbabilityMSE(nn.Module):
    """Compute the squared distance of two probability maps, averaged over pixels.

    Args:
        over: What the sum is divided by, see ``average``.
        classes: 'mean' or 'sum' over the classes.
    """

    def __init__(self, over: str = 'valid', classes: str = 'mean') -> None:
        super().__init__()
        check_choice('over', over, NORMALISERS, 'ProbabilityMSE')
        check_choice('classes', classes, ('mean', 'sum'), 'ProbabilityMSE')
        self.over = over
        self.classes = classes

    def forward(self, logits: Tensor, target: PseudoLabel) -> Tensor:
        if target.label.dim() != 4:
            raise UserError(
                'ProbabilityMSE compares probabilities: set pseudo_label=dict('
                "type='SoftPseudoLabel') beside it."
            )
        distance = (logits.float().softmax(1) - target.label).square()
        pixels = distance.mean(1) if self.classes == 'mean' else distance.sum(1)  # B,H,W
        return average(pixels, target, self.over)
