from torch import nn

from semiseg_mm.errors import UserError
from semiseg_mm.registry import MODELS
from semiseg_mm.structures import PseudoLabel


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
    """Let all pixels count as much as the batch has confident ones (French et al. 2020)."""

    def __init__(self, value: float = 0.97) -> None:
        super().__init__()
        self.value = _below_one(value, 'ConfidentShare')

    def forward(self, target: PseudoLabel) -> PseudoLabel:
        sure = ((target.confidence >= self.value) & target.valid).sum()
        share = sure / target.valid.sum().clamp(min=1)
        return target.weighted(share.expand_as(target.confidence))


def _below_one(value: float, owner: str) -> float:
    """Return a confidence that a network can exceed."""
    if not isinstance(value, (int, float)) or not 0 <= value < 1:
        raise UserError(
            f'value={value!r} of {owner}: give a confidence from 0 to below 1. At 1 and above no '
            'unlabeled pixel counts.'
        )
    return value
