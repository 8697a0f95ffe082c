import torch
from mmengine.dist import all_reduce
from torch import nn

from semiseg_mm.errors import UserError
from semiseg_mm.registry import MODELS
from semiseg_mm.structures import MOST_CLASSES, PseudoLabel
from semiseg_mm.utils import check_choice, check_share


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


@MODELS.register_module()
class MeanConfidence(nn.Module):
    """Let all pixels of an image count as much as it is confident on average (PrevMatch)."""

    def forward(self, target: PseudoLabel) -> PseudoLabel:
        sums = [(x * target.valid).sum((1, 2), keepdim=True) for x in (target.confidence, 1)]
        return target.weighted((sums[0] / sums[1].clamp(min=1)).expand_as(target.confidence))


@MODELS.register_module()
class TopShare(nn.Module):
    """Let the most confident share of a batch's pixels count; it grows over the training (S4MC).

    Equally confident pixels at the limit all count. The share is a function of how much of the
    training is done, and of nothing else.

    Args:
        start, end: The share at the start and at the end of the training; it changes evenly.
    """

    def __init__(self, start: float = 0.75, end: float = 0.85) -> None:
        super().__init__()
        check_share('start', start, 'TopShare')
        check_share('end', end, 'TopShare')
        self.start, self.end = start, end
        self.share = start

    def observe(self, target: PseudoLabel, progress: float) -> None:
        self.share = self.start + (self.end - self.start) * progress

    def forward(self, target: PseudoLabel) -> PseudoLabel:
        known = target.confidence.masked_fill(~target.valid, -1).flatten()
        place = (self.share * target.valid.sum()).ceil().long().clamp(min=1) - 1
        limit = known.sort(descending=True).values.gather(0, place.view(1))
        return target.weighted((target.confidence >= limit).float())


@MODELS.register_module()
class RunningThreshold(nn.Module):
    """Let only pixels count that reach a running threshold (CorrMatch).

    It follows the mean, over the classes that the batches of all processes have, of the class's
    highest confidence.

    Args:
        value: Where it starts.
        momentum: The share of it that is kept in an iteration.
    """

    def __init__(self, value: float = 0.85, momentum: float = 0.999) -> None:
        super().__init__()
        check_share('momentum', momentum, 'RunningThreshold')
        self.momentum = momentum
        self.register_buffer('value', torch.tensor(_below_one(value, 'RunningThreshold') + 0.0))

    def observe(self, target: PseudoLabel, progress: float) -> None:
        known = target.confidence.masked_fill(~target.valid, -1).flatten()
        highest = known.new_full((MOST_CLASSES,), -1)
        highest.scatter_reduce_(0, target.hard.flatten(), known, 'amax')
        all_reduce(highest, op='max')
        count = (highest >= 0).sum()
        mean = highest.clamp(min=0).sum() / count.clamp(min=1)
        moved = self.momentum * self.value + (1 - self.momentum) * mean
        self.value.copy_(moved.where(count > 0, self.value))

    def forward(self, target: PseudoLabel) -> PseudoLabel:
        return target.weighted((target.confidence >= self.value).float())


def _below_one(value: float, owner: str) -> float:
    """Return a confidence that a network can exceed."""
    if not isinstance(value, (int, float)) or not 0 <= value < 1:
        raise UserError(
            f'value={value!r} of {owner}: give a confidence from 0 to below 1. At 1 and above no '
            'unlabeled pixel counts.'
        )
    return value
