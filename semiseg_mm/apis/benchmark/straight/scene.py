"""What straight-line code works on, and what several methods share."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from mmseg.models.utils import resize
from torch import Tensor, nn


@dataclass
class Scene:
    """Hold the networks, the second one a teacher or a peer, and normalised images with labels."""

    nets: Sequence[nn.Module]
    labeled: Tensor  # B,C,H,W, as all images
    weak: Tensor
    strong: Sequence[Tensor]
    truth: Tensor  # B,H,W
    box: Tensor  # B,H,W bool
    module: nn.Module | None = None  # a discriminator, say

    def mix(self, x: Tensor) -> Tensor:
        """Show the next image through a box."""
        return torch.where(self.box if x.dim() == 3 else self.box.unsqueeze(1), x.roll(-1, 0), x)


TEACHER, PEER = 'teacher', 'peer'
STRAIGHT: dict[str, Callable[[Scene], Tensor]] = {}
BESIDE: dict[str, str | None] = {}  # what the second network of each is, if there is one
MODULES: dict[str, dict] = {}  # the config of the module of each that has one
CLASSES = 21


def straight(beside: str | None = None, module: dict | None = None) -> Callable:
    """Register the code of the method that has the function's name."""

    def register(function: Callable[[Scene], Tensor]) -> Callable[[Scene], Tensor]:
        STRAIGHT[function.__name__], BESIDE[function.__name__] = function, beside
        if module:
            MODULES[function.__name__] = module
        return function

    return register


def logits_of(net: nn.Module, *images: Tensor) -> tuple[Tensor, ...]:
    """Return the logits of each batch, all in one forward."""
    return head_of(net, net.extract_feat(torch.cat(images)), images[0].shape, len(images))


def head_of(net: nn.Module, features: Sequence[Tensor], shape: Sequence[int], parts: int) -> tuple:
    coarse = net.decode_head(features)
    logits = resize(coarse, shape[2:], mode='bilinear', align_corners=net.align_corners)
    return logits.chunk(parts)


def taught(logits: Tensor) -> tuple[Tensor, Tensor]:
    """Return label and confidence."""
    confidence, label = logits.detach().float().softmax(1).max(1)
    return label, confidence


def entropy(logits: Tensor, label: Tensor, confidence: Tensor | None = None) -> Tensor:
    pixels = F.cross_entropy(logits.float(), label, reduction='none')
    return pixels.mean() if confidence is None else (pixels * (confidence >= 0.95)).mean()


def distance(logits: Tensor, probabilities: Tensor) -> Tensor:
    return (logits.float().softmax(1) - probabilities).square()


def follow(follower: nn.Module, leader: nn.Module, decay: float = 0.99) -> None:
    """Move a teacher."""
    for own, other in zip(
        (list(follower.parameters()), _floats(follower)),
        (list(leader.parameters()), _floats(leader)),
        strict=True,
    ):
        with torch.no_grad():
            torch._foreach_lerp_(own, other, 1 - decay)


def _floats(module: nn.Module) -> list[Tensor]:
    return [buffer for buffer in module.buffers() if buffer.is_floating_point()]
