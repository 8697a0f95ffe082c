from torch import nn

from semiseg_mm.errors import UserError
from semiseg_mm.registry import MODELS
from semiseg_mm.structures import PseudoLabel
from semiseg_mm.utils import check_choice


@MODELS.register_module()
class Threshold(nn.Module):
    """Let only pixels of at least this confidence count (FixMatch)."""

    def __init__(self, value: float = 0.95) -> None:
        super().__init__()
        self.value = _below_one(value, 'Threshold')

    def forward(self, target: PseudoLabel) -> PseudoLabel:
        return target.weighted((target.confidence >= self.value).float())


@MODELS.register_module()
class ConfidentShare(nn.Module):
    """Let all pixels count as much as the batch has confident ones (French et al. 2020).

    Args:
        value: The confidence.
        of: 'batch', or 'image': the pixels of each image as much as this image has confident ones
            (ReCo, Dual Teacher).
    """

    def __init__(self, value: float = 0.97, of: str = 'batch') -> None:
        super().__init__()
        check_choice('of', of, ('batch', 'image'), 'ConfidentShare')
        self.value = _below_one(value, 'ConfidentShare')
        self.of = of

    def forward(self, target: PseudoLabel) -> PseudoLabel:
        sure = (target.confidence >= self.value) & target.valid
        parts = (sure, target.valid)
        if self.of == 'image':
            sure, valid = (part.sum((1, 2), keepdim=True) for part in parts)
        else:
            sure, valid = (part.sum() for part in parts)
        return target.weighted((sure / valid.clamp(min=1)).expand_as(target.confidence))


def _below_one(value: float, owner: str) -> float:
    """Return a confidence that a network can exceed."""
    if not isinstance(value, (int, float)) or not 0 <= value < 1:
        raise UserError(
            f'value={value!r} of {owner}: give a confidence from 0 to below 1. At 1 and above no '
            'unlabeled pixel counts.'
        )
    return value
