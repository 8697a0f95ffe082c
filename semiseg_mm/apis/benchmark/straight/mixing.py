"""Straight-line code of the methods that are a choice of mixer."""

import torch
import torch.nn.functional as F
from torch import Tensor

from .scene import TEACHER, Scene, distance, entropy, logits_of, straight, taught


@straight(TEACHER)
def classmix(s: Scene) -> Tensor:
    with torch.no_grad():
        s.nets[1].train()  # as its official code has it
        label, confidence = map(s.mix, taught(*logits_of(s.nets[1], s.weak)))
    (known,), (guess,) = (logits_of(s.nets[0], x) for x in (s.labeled, s.mix(s.strong[0])))
    share = (confidence >= 0.968).float().mean()
    return entropy(known, s.truth) + entropy(guess, label) * share


@straight(TEACHER)
def complexmix(s: Scene) -> Tensor:
    return classmix(s)


@straight(TEACHER)
def dacs(s: Scene) -> Tensor:
    with torch.no_grad():
        s.nets[1].train()
        label, confidence = taught(*logits_of(s.nets[1], s.weak))
    label = torch.where(s.box, s.truth, label)
    weight = torch.where(s.box, 1.0, (confidence >= 0.968).float().mean())
    images = torch.where(s.box.unsqueeze(1), s.labeled, s.strong[0])
    (known,), (guess,) = (logits_of(s.nets[0], x) for x in (s.labeled, images))
    pixels = F.cross_entropy(guess.float(), label, reduction='none')
    return entropy(known, s.truth) + (pixels * weight).mean()


@straight(TEACHER)
def cutout(s: Scene) -> Tensor:
    with torch.no_grad():
        target = logits_of(s.nets[1], s.weak)[0].float().softmax(1)
    images = s.strong[0] * s.box.unsqueeze(1)
    (known,), (guess,) = (logits_of(s.nets[0], x) for x in (s.labeled, images))
    share = (target.amax(1) >= 0.97).float().mean()
    return entropy(known, s.truth) + (distance(guess, target).sum(1) * s.box * share).mean()


@straight(TEACHER)
def ict(s: Scene) -> Tensor:
    def blend(x: Tensor) -> Tensor:
        return torch.lerp(x, x.roll(-1, 0), 0.3)

    with torch.no_grad():
        own = logits_of(s.nets[1], s.weak)[0].float().softmax(1)
    (known,), (guess,) = (logits_of(s.nets[0], x) for x in (s.labeled, blend(s.strong[0])))
    share = (blend(own.amax(1)) >= 0.97).float().mean()
    return entropy(known, s.truth) + (distance(guess, blend(own)).sum(1) * share).mean()


@straight(TEACHER)
def augseg(s: Scene) -> Tensor:
    with torch.no_grad():
        label, confidence = taught(*logits_of(s.nets[1], s.weak))
    pairs = (s.strong[0], s.labeled), (label, s.truth), (confidence, torch.ones_like(confidence))
    mixed = []
    for own, other in pairs:
        box = s.box if own.dim() == 3 else s.box.unsqueeze(1)
        mixed.append(torch.where(box, torch.where(box, other, own).roll(-1, 0), own))
    known, guess = logits_of(s.nets[0], s.labeled, mixed[0])
    return entropy(known, s.truth) + entropy(guess, *mixed[1:])
