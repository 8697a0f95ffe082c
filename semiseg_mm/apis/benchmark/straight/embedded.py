"""Straight-line code of methods that read what the last layer receives."""

import torch
import torch.nn.functional as F
from mmseg.models.utils import resize
from torch import Tensor, nn

from .scene import Scene, distance, entropy, logits_of, straight


@straight()
def cct(s: Scene, decoders: int = 30) -> Tensor:
    """All changes of features count as dropped channels; nobody learns the decoders."""
    known, (weak, features) = logits_of(s.nets[0], s.labeled)[0], _embedded(s.nets[0], s.weak)
    target, last = weak.detach().float().softmax(1), s.nets[0].decode_head.conv_seg.weight.detach()
    terms = []
    for _ in range(decoders):
        coarse = F.conv2d(F.dropout2d(features), last)
        logits = resize(coarse, weak.shape[2:], mode='bilinear', align_corners=False)
        terms.append(distance(logits, target).mean())
    return entropy(known, s.truth) + 30 * torch.stack(terms).mean()


@straight()
def cct_torchsemiseg(s: Scene) -> Tensor:
    return cct(s, decoders=12)


@straight()
def dcc(s: Scene) -> Tensor:
    """Half of the unlabeled images are the second crops; all cells of both are compared."""
    known, (weak, features) = logits_of(s.nets[0], s.labeled)[0], _embedded(s.nets[0], s.weak)
    step = features.shape[2] * 8 // weak.shape[2]
    cells = F.normalize(F.avg_pool2d(features, max(1, step)).float(), dim=1)
    one, other = (x.permute(0, 2, 3, 1).flatten(0, 2) for x in cells.chunk(2))
    loss = entropy(known, s.truth)
    for own, guide in ((one, other.detach()), (other, one.detach())):
        logits = own @ torch.cat([one, other]).detach().T / 0.1
        positive = (own * guide).sum(1) / 0.1
        loss = loss + 0.1 * (logits.logsumexp(1) - positive).mean()
    return loss


def _embedded(net: nn.Module, images: Tensor) -> tuple[Tensor, Tensor]:
    """Return the logits, and what the last layer receives."""
    seen: list[Tensor] = []
    hook = net.decode_head.conv_seg.register_forward_pre_hook(lambda _, x: seen.extend(x))
    (logits,) = logits_of(net, images)
    hook.remove()
    return logits, seen[0]
