import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from semiseg_mm.registry import MODELS
from semiseg_mm.structures import PseudoLabel
from semiseg_mm.utils import check_choice, check_share

CLOSE = ((0, 1), (2, 1), (1, 0), (1, 2))  # corners of what a neighbour sees, in a border of 1
NEIGHBOURS = {4: CLOSE, 8: (*CLOSE, (0, 0), (0, 2), (2, 0), (2, 2))}
INDICATORS = ('confidence', 'margin')


@MODELS.register_module()
class ContextPseudoLabel(nn.Module):
    """Label every pixel with the help of its neighbours (S4MC, arXiv:2308.13900).

    The probability p of a class becomes that of "this pixel or its neighbour has it", p + w n (1 -
    p), where n is the largest probability of the class among the neighbours. Padding lends nothing.

    Args:
        neighbours: How many there are: 4, or 8 with the diagonal ones.
        count: How many of them count, the most confident first.
        weight: w, how much a neighbour counts; exp(-1/2) at a distance of 1.
        indicator: What the label's confidence is: the largest of the new values, 'confidence', or
            its 'margin' over the second largest.
    """

    def __init__(
        self,
        neighbours: int = 4,
        count: int = 1,
        weight: float = math.exp(-0.5),
        indicator: str = 'confidence',
    ) -> None:
        super().__init__()
        check_choice('neighbours', neighbours, NEIGHBOURS, 'ContextPseudoLabel')
        check_choice('count', count, range(1, neighbours + 1), 'ContextPseudoLabel')
        check_share('weight', weight, 'ContextPseudoLabel')
        check_choice('indicator', indicator, INDICATORS, 'ContextPseudoLabel')
        self.places, self.count = NEIGHBOURS[neighbours], count
        self.weight, self.indicator = weight, indicator

    def forward(self, logits: Tensor, valid: Tensor) -> PseudoLabel:
        refined = self.refine(logits.detach().float().softmax(1), valid)
        confidence, label = refined.max(1)  # B,H,W
        if self.indicator == 'margin':
            confidence = confidence - refined.topk(2, 1).values[:, 1]
        return PseudoLabel(label, confidence, valid)

    def refine(self, probabilities: Tensor, valid: Tensor) -> Tensor:
        """Return B,C,H,W values of at least the probabilities, and below 1 where these are."""
        height, width = valid.shape[1:]
        border = F.pad(probabilities * valid.unsqueeze(1), (1, 1, 1, 1))
        near = torch.stack([border[..., y : y + height, x : x + width] for y, x in self.places])
        best = near.amax(0, keepdim=True) if self.count == 1 else near.topk(self.count, 0).values
        for neighbour in best:
            probabilities = probabilities + self.weight * neighbour * (1 - probabilities)
        return probabilities
