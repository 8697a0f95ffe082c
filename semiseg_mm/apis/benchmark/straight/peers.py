"""Networks that label each other's images."""

from collections.abc import Sequence

import torch
from torch import Tensor

from .scene import PEER, Scene, distance, entropy, logits_of, straight, taught


@straight(PEER)
def cps(s: Scene) -> Tensor:
    maps = _both(s, s.weak)
    one, two = (taught(x)[0] for x in maps)
    return _supervised(s, maps) + entropy(maps[0], two) + entropy(maps[1], one)


@straight(PEER)
def cpc(s: Scene) -> Tensor:
    maps = _both(s, s.weak)
    one, two = (x.detach().float().softmax(1) for x in maps)
    return _supervised(s, maps) + distance(maps[0], two).mean() + distance(maps[1], one).mean()


@straight(PEER)
def cps_cutmix(s: Scene) -> Tensor:
    with torch.no_grad():
        one, two = (s.mix(taught(*logits_of(net, s.weak))[0]) for net in s.nets)
    maps, size = _both(s, s.mix(s.weak)), len(s.labeled)
    return _supervised(s, maps) + entropy(maps[0][:size], two) + entropy(maps[1][:size], one)


@straight(PEER)
def diverse_cotraining(s: Scene) -> Tensor:
    seen = [logits_of(net, s.labeled, s.weak) for net in s.nets]
    loss = sum(entropy(known, s.truth) for known, _ in seen)
    for net, strong, (_, weak) in zip(s.nets, s.strong, reversed(seen), strict=True):
        loss = loss + entropy(*logits_of(net, s.mix(strong)), *map(s.mix, taught(weak)))
    return loss


def _both(s: Scene, images: Tensor) -> list[Tensor]:
    """Return what both networks say of images and labeled images, each in a forward of its own."""
    return [torch.cat([*logits_of(n, images), *logits_of(n, s.labeled)]) for n in s.nets]


def _supervised(s: Scene, maps: Sequence[Tensor]) -> Tensor:
    return sum(entropy(x[len(s.labeled) :], s.truth) for x in maps)
