from collections.abc import Iterable

import torch
from mmengine.dist import all_reduce
from torch import Tensor, nn

from semiseg_mm.errors import UserError
from semiseg_mm.registry import MODELS
from semiseg_mm.structures import PseudoLabel
from semiseg_mm.utils import check_choice, check_share


@MODELS.register_module()
class ClassConfidence(nn.Module):
    """Remember how well a network knows each class (AEL, Hu et al., NeurIPS 2021).

    It is the running mean of the probability that the true class has on labeled pixels. Rare and
    hard classes have a low one. It is the same on all processes.

    Args:
        num_classes: Follows from the network.
        momentum: Share of the running mean that is kept in an iteration; at first it is less, so
            that the first iterations count alike.
        absent: What becomes of a class without a labeled pixel in an iteration: 'keep' leaves it,
            'sink' averages a 0, as AEL's code does.
    """

    def __init__(self, num_classes: int, momentum: float = 0.999, absent: str = 'keep') -> None:
        super().__init__()
        check_share('momentum', momentum, 'ClassConfidence')
        check_choice('absent', absent, ('keep', 'sink'), 'ClassConfidence')
        self.momentum = momentum
        self.absent = absent
        self.register_buffer('value', torch.zeros(num_classes))
        self.register_buffer('updates', torch.zeros(num_classes))
        self._is_lent = False

    def lend(self, parts: Iterable[nn.Module]) -> None:
        """Hand this, at the first call, to those parts of a model that ask for it."""
        for part in () if self._is_lent else parts:
            if isinstance(part, ByClassConfidence):
                part.use_confidence(self)
        self._is_lent = True

    @torch.no_grad()
    def observe(self, logits: Tensor, target: PseudoLabel) -> None:
        """Take in the predictions B,C,H,W of labeled images."""
        label = target.label.masked_fill(~target.valid, -1)
        own = logits.float().softmax(1).gather(1, target.label.unsqueeze(1)).squeeze(1)  # B,H,W
        classes = [label == number for number in range(len(self.value))]
        found = torch.stack([torch.stack([(own * c).sum(), c.sum()]) for c in classes], 1)  # 2,C
        all_reduce(found)
        now = found[0] / found[1].clamp(min=1)
        moved = (found[1] > 0) if self.absent == 'keep' else torch.ones_like(now, dtype=torch.bool)
        self.updates += moved
        kept = (1 - 1 / self.updates.clamp(min=1)).clamp(max=self.momentum)
        self.value.copy_(torch.where(moved, kept * self.value + (1 - kept) * now, self.value))


class ByClassConfidence(nn.Module):
    """A part of a method that treats classes by how well they are known.

    The model lends it its ``class_confidence``.
    """

    _lent: tuple = ()

    def use_confidence(self, confidence: ClassConfidence) -> None:
        self._lent = (confidence,)  # no module of this one: its state is stored once

    @property
    def unknown(self) -> Tensor:
        """Return 1 - confidence of each class C."""
        if not self._lent:
            raise UserError(
                f'{type(self).__name__} needs to know how well each class is known: set '
                "model.class_confidence=dict(type='ClassConfidence')."
            )
        return 1 - self._lent[0].value
