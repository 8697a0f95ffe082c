import torch.nn.functional as F
from torch import Tensor, nn

from semiseg_mm.registry import MODELS
from semiseg_mm.structures import PseudoLabel
from semiseg_mm.utils import check_choice, check_number

from .average import NORMALISERS, average


@MODELS.register_module()
class MutualCrossEntropy(nn.Module):
    """Weigh another network's hard labels by what this one thinks of them (DMT, Feng et al. 2022).

    Where both agree, and where they do not but the other one is as sure or surer, a pixel counts
    with a power of the probability that this network gives the label. Where they disagree and this
    network is surer, it does not count.

    Args:
        agree, disagree: The powers; 0 lets all such pixels count fully.
        over: What the sum is divided by, see ``average``.
    """

    def __init__(self, agree: float = 5.0, disagree: float = 5.0, over: str = 'valid') -> None:
        super().__init__()
        check_number('agree', agree, 'MutualCrossEntropy')
        check_number('disagree', disagree, 'MutualCrossEntropy')
        check_choice('over', over, NORMALISERS, 'MutualCrossEntropy')
        self.agree = agree
        self.disagree = disagree
        self.over = over

    def forward(self, logits: Tensor, target: PseudoLabel) -> Tensor:
        probabilities = logits.detach().float().softmax(1)
        sure, own = probabilities.max(1)  # B,H,W
        given = probabilities.gather(1, target.label.unsqueeze(1)).squeeze(1)
        alike = own == target.label
        believed = (sure <= target.confidence) * given**self.disagree
        weight = (given**self.agree).where(alike, believed)
        pixels = F.cross_entropy(logits.float(), target.label, reduction='none')
        return average(pixels, target.weighted(weight), self.over)
