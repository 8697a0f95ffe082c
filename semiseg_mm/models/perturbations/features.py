"""The seven ways in which CCT changes the features before a decoder.

Each takes features B,D,h,w, the objects that the network sees in them, and the decoder.
"""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from semiseg_mm.registry import MODELS
from semiseg_mm.utils import check_number, check_range, check_share

from .adversarial import worst_direction
from .objects import Objects


@MODELS.register_module()
class DropChannels(nn.Module):
    """Drop whole channels, and enlarge the others.

    Args:
        p: Share of the channels.
    """

    def __init__(self, p: float = 0.5) -> None:
        super().__init__()
        check_share('p', p, 'DropChannels')
        self.p = p

    def forward(self, features: Tensor, objects: Objects, decoder: Callable) -> Tensor:
        return F.dropout2d(features, self.p)


@MODELS.register_module()
class DropActive(nn.Module):
    """Drop the most active positions: those above a share of the image's largest mean.

    Args:
        above: Range of that share, which is drawn for the batch.
    """

    def __init__(self, above: tuple[float, float] = (0.7, 0.9)) -> None:
        super().__init__()
        check_range('above', above, 'DropActive', most=1)
        self.above = above

    def forward(self, features: Tensor, objects: Objects, decoder: Callable) -> Tensor:
        attention = features.mean(1, keepdim=True)
        share = float(torch.empty(()).uniform_(*self.above))
        return features * (attention < share * attention.amax((2, 3), keepdim=True))


@MODELS.register_module()
class NoisyFeatures(nn.Module):
    """Multiply every value by 1 and some noise, which all images of the batch share.

    Args:
        reach: The noise is drawn from [-reach, reach].
    """

    def __init__(self, reach: float = 0.3) -> None:
        super().__init__()
        check_number('reach', reach, 'NoisyFeatures')
        self.reach = reach

    def forward(self, features: Tensor, objects: Objects, decoder: Callable) -> Tensor:
        noise = torch.empty_like(features[:1]).uniform_(-self.reach, self.reach)
        return features + features * noise


@MODELS.register_module()
class CutOutObjects(nn.Module):
    """Cut a box out of the box of each object, at a random place.

    Args:
        erase: Its height and width, as shares of the object's.
        least: Share of the image that an object's box has at least, to be cut.
    """

    def __init__(self, erase: float = 0.4, least: float = 0.01) -> None:
        super().__init__()
        check_share('erase', erase, 'CutOutObjects')
        check_share('least', least, 'CutOutObjects')
        self.erase = erase
        self.least = least

    def forward(self, features: Tensor, objects: Objects, decoder: Callable) -> Tensor:
        there, top, bottom, left, right = objects.boxes
        sizes = bottom - top, right - left
        there = there & (sizes[0] * sizes[1] >= self.least * there[0].numel())
        drawn = torch.rand(2, *there.shape).to(there.device, non_blocking=True)
        inside = []
        for axis, (first, size) in enumerate(zip((top, left), sizes, strict=True)):
            start = first + drawn[axis] * (1 - self.erase) * size
            start = start.flatten(1).unsqueeze(2)  # B,objects,1
            cells = torch.arange(there.shape[1 + axis], device=there.device) + 0.5
            end = start + self.erase * size.flatten(1).unsqueeze(2)
            inside.append((cells >= start) & (cells < end))  # B,objects,cells
        rows = inside[0] & there.flatten(1).unsqueeze(2)
        hole = rows.float().transpose(1, 2) @ inside[1].float() > 0  # B,h,w
        kept = F.interpolate((~hole).unsqueeze(1).float(), features.shape[2:], mode='nearest')
        return features * kept


@MODELS.register_module()
class KeepObjects(nn.Module):
    """Keep the objects, and remove their context (CCT: context masking)."""

    def forward(self, features: Tensor, objects: Objects, decoder: Callable) -> Tensor:
        return features * objects.mask


@MODELS.register_module()
class RemoveObjects(nn.Module):
    """Keep the context, and remove the objects (CCT: object masking)."""

    def forward(self, features: Tensor, objects: Objects, decoder: Callable) -> Tensor:
        return features * ~objects.mask


@MODELS.register_module()
class WorstFeatures(nn.Module):
    """Move the features in the direction that changes the decoder's prediction most (CCT: I-VAT).

    Args:
        radius: How far each image's features move.
        step: Of the search, as root mean square over the values of an image.
    """

    def __init__(self, radius: float = 2.0, step: float = 0.01) -> None:
        super().__init__()
        check_number('radius', radius, 'WorstFeatures')
        check_number('step', step, 'WorstFeatures', above=True)
        self.radius = radius
        self.step = step

    def forward(self, features: Tensor, objects: Objects, decoder: Callable) -> Tensor:
        # not in half precision: casts of weights, made without a gradient, would be used again
        with torch.no_grad(), torch.autocast(features.device.type, enabled=False):
            before = decoder(features.float()).softmax(1)

        def distance(near: Tensor) -> Tensor:
            return F.kl_div(decoder(near).log_softmax(1), before, reduction='sum')

        return features + self.radius * worst_direction(distance, features, self.step)
