import torch.nn.functional as F
from torch import Tensor, nn

from semiseg_mm.errors import UserError
from semiseg_mm.registry import MODELS
from semiseg_mm.structures import PseudoLabel
from semiseg_mm.utils import check_choice

from .average import NORMALISERS, average


@MODELS.register_module()
class ProbabilityKL(nn.Module):
    """Compute the Kullback-Leibler divergence of a prediction from soft labels.

    It is summed over the classes and averaged over pixels. Its gradient is that of the cross
    entropy; its value is 0 where both are equal.

    Args:
        over: What the sum is divided by, see ``average``.
    """

    def __init__(self, over: str = 'valid') -> None:
        super().__init__()
        check_choice('over', over, NORMALISERS, 'ProbabilityKL')
        self.over = over

    def forward(self, logits: Tensor, target: PseudoLabel) -> Tensor:
        if target.label.dim() != 4:
            raise UserError(
                'ProbabilityKL compares probabilities: set pseudo_label=dict('
                "type='SoftPseudoLabel') beside it."
            )
        logs = logits.float().log_softmax(1)
        pixels = F.kl_div(logs, target.label, reduction='none').sum(1)  # B,H,W
        return average(pixels, target, self.over)
