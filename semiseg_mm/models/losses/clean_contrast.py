import torch
import torch.nn.functional as F
from torch import Tensor, nn

from semiseg_mm.models.auxiliaries import ClassBank
from semiseg_mm.registry import MODELS
from semiseg_mm.structures import PseudoLabel
from semiseg_mm.utils import check_count, check_number

from .pixel_contrast import draw_few, nearest_pixel, places_of


@MODELS.register_module()
class CleanContrast(nn.Module):
    """Pull pixels to those of their class that the network got right before (PixCon).

    Anchors are pixels whose label is what the network predicts. A bank keeps the latest ones of
    each class; an anchor learns to be nearer to the bank of its class than to all banks.

    Args:
        num_classes: Number of classes.
        channels: Of the representations.
        anchors: At most so many pixels of a class in an iteration, all of which enter the bank.
        most: At most so many of all of them learn.
        temperature: Divides the cosines.
        size: Of the bank of each class.
    """

    def __init__(
        self,
        num_classes: int,
        channels: int,
        anchors: int = 64,
        most: int = 1024,
        temperature: float = 0.1,
        size: int = 256,
    ) -> None:
        super().__init__()
        check_count('anchors', anchors, 'CleanContrast', least=1)
        check_count('most', most, 'CleanContrast', least=1)
        check_number('temperature', temperature, 'CleanContrast', above=True)
        self.anchors = anchors
        self.most = most
        self.temperature = temperature
        self.bank = ClassBank(num_classes, channels, size)

    def forward(self, pixels: Tensor, logits: Tensor, target: PseudoLabel) -> Tensor:
        """Return the mean over anchors, 0 without any or with empty banks; then fill the banks.

        Args:
            pixels: Representations B,D,h,w.
            logits: B,C,h,w.
            target: Hard labels B,H,W.
        """
        label = nearest_pixel(target.label.masked_fill(~target.valid, -1), pixels.shape[2:])
        rows = F.normalize(pixels.permute(0, 2, 3, 1).flatten(0, 2).float(), dim=1)  # N,D
        right = label.where(logits.max(1).indices == label, -1)  # B,h,w
        places = places_of(right, logits.shape[1])
        anchors = [rows[draw_few(own, self.anchors)] for own in places]
        loss = self._compare(anchors) + 0 * pixels.sum()
        self.bank.push([own.detach() for own in anchors])
        return loss

    def _compare(self, anchors: list[Tensor]) -> Tensor | float:
        """Compare each anchor with the banks as they are; a class without a bank is left out."""
        counts = torch.tensor([len(own) for own in anchors])
        stored = [self.bank.rows(number) for number in range(len(anchors))]
        sizes = torch.tensor([len(own) for own in stored])
        numbers = torch.arange(len(anchors)).repeat_interleave(counts)
        chosen = torch.randperm(len(numbers))[: self.most]
        chosen = chosen[sizes[numbers[chosen]] > 0]
        if not len(chosen):
            return 0.0
        device = stored[0].device
        own = numbers[chosen].unsqueeze(1)
        same = own == torch.arange(len(anchors)).repeat_interleave(sizes)  # N,M
        rows = torch.cat(anchors)[chosen.to(device, non_blocking=True)]
        cosines = rows @ torch.cat(stored).T / self.temperature  # N,M
        near = cosines.masked_fill(~same.to(device, non_blocking=True), -torch.inf)
        return (cosines.logsumexp(1) - near.logsumexp(1)).mean()
