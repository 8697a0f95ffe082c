import math

from torch import Tensor, nn

from semiseg_mm.registry import MODELS
from semiseg_mm.structures import PseudoLabel

from .entropy import entropy_of


@MODELS.register_module()
class HardPseudoLabel(nn.Module):
    """Label every pixel with its most probable class.

    Args:
        certainty: Whether to say as well how sure each image is, for mixers that ask: the mean of
            (1 - entropy / log classes) * confidence over its pixels (AugSeg).
    """

    def __init__(self, certainty: bool = False) -> None:
        super().__init__()
        self.certainty = certainty

    def forward(self, logits: Tensor, valid: Tensor) -> PseudoLabel:
        confidence, label = logits.detach().float().softmax(1).max(1)  # B,H,W
        target = PseudoLabel(label, confidence, valid)
        if not self.certainty:
            return target
        sure = 1 - entropy_of(logits.detach()) / math.log(max(2, logits.shape[1]))
        mean = (sure * confidence * valid).sum((1, 2)) / valid.sum((1, 2)).clamp(min=1)
        return target._replace(certainty=mean)
