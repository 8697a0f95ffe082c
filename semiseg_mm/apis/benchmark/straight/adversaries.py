"""Straight-line code of methods with a module that judges, corrects or draws: see straight.py.

All weights have one optimizer here, where the methods have two.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from semiseg_mm.models.auxiliaries import frozen
from semiseg_mm.models.losses import flaw_target, marked_flaws

from .scene import CLASSES, PEER, Scene, distance, entropy, logits_of, straight, taught


def real(score: Tensor) -> Tensor:
    return F.softplus(-score.float()).mean()


def both(s: Scene) -> tuple[Tensor, Tensor, Tensor]:
    """Return logits of labeled and unlabeled images, and the truth as a map of classes."""
    (known,), (guess,) = (logits_of(s.nets[0], images) for images in (s.labeled, s.weak))
    return known, guess, one_hot(s)


def one_hot(s: Scene) -> Tensor:
    return F.one_hot(s.truth, CLASSES).permute(0, 3, 1, 2).float()


def seen(maps: Tensor, images: Tensor) -> Tensor:
    return torch.cat([maps, images], 1)


@straight(module=dict(type='ConvDiscriminator', in_channels=CLASSES))
def adv_sem_seg(s: Scene) -> Tensor:
    known, guess, truth = both(s)
    p, q = known.softmax(1), guess.softmax(1)
    fooled = frozen(s.module)(q)
    own = F.cross_entropy(guess.float(), taught(guess)[0], reduction='none')
    loss = entropy(known, s.truth) + (own * (fooled.sigmoid() > 0.2)).mean()
    loss = loss + 0.01 * real(frozen(s.module)(p)) + 0.001 * real(fooled)
    return loss + real(s.module(truth)) + real(-s.module(torch.cat([p, q]).detach()))


@straight(module=dict(type='ImageDiscriminator', in_channels=CLASSES + 3))
def s4gan(s: Scene) -> Tensor:
    known, guess, truth = both(s)
    fake = seen(guess.softmax(1), s.weak)
    score, features = frozen(s.module)(fake)
    real_score, real_features = s.module(seen(truth, s.labeled))
    gap = real_features.detach().mean(0) - features.mean(0)
    own = F.cross_entropy(guess.float(), taught(guess)[0], reduction='none').mean((1, 2))
    loss = entropy(known, s.truth) + 0.1 * gap.abs().mean() + (own * (score > 0.4)).mean()
    return loss + real(real_score) + real(-s.module(fake.detach())[0])


@straight(PEER, dict(type='FlawDetector', in_channels=CLASSES + 3, norm_cfg=dict(type='BN')))
def gct(s: Scene) -> Tensor:
    size, images, truth = len(s.labeled), torch.cat([s.labeled, s.weak]), one_hot(s)
    logits = [torch.cat(logits_of(net, s.labeled, s.weak)) for net in s.nets]
    maps = [x.float().softmax(1) for x in logits]
    flaws = [frozen(s.module)(seen(p, images)).float() for p in maps]
    marks = [marked_flaws(found) for found in flaws]
    loss, valid = sum(entropy(x[:size], s.truth) for x in logits), torch.ones_like(s.box)
    for own, other in ((0, 1), (1, 0)):
        better = (marks[other] >= marks[own]).unsqueeze(1)
        target = torch.where(better, maps[own], maps[other]).detach()
        found = s.module(seen(maps[own], images).detach())[:size]
        missed = found - flaw_target(maps[own][:size], truth, valid)
        loss = loss + distance(logits[own], target).mean() + missed.square().mean()
        loss = loss + (flaws[own].square() * (marks[own] > 0.6)).mean()
    return loss


CORRECTOR = dict(type='ConvCorrector', in_channels=CLASSES + 3, out_channels=CLASSES + 1)


@straight(module=dict(CORRECTOR, strides=(2, 2, 1, 1)))
def ecs(s: Scene) -> Tensor:
    known, guess, _ = both(s)
    judged = seen(known.softmax(1), s.labeled)
    wanted = s.truth.masked_fill(known.max(1).indices == s.truth, CLASSES)
    praise = entropy(frozen(s.module)(judged), torch.full_like(s.truth, CLASSES))
    label, sure = taught(frozen(s.module)(seen(guess.softmax(1), s.weak).detach()))
    label = torch.where(label == CLASSES, taught(guess)[0], label)
    own = (F.cross_entropy(guess.float(), label, reduction='none') * sure).mean()
    return entropy(known, s.truth) + praise + own + entropy(s.module(judged.detach()), wanted)


@straight(module=dict(type='ImageGenerator', norm_cfg=dict(type='BN')))
def souly_gan(s: Scene) -> Tensor:
    known, guess, _ = both(s)
    drawn = s.module(torch.randn(len(guess), s.module.noise).to(guess.device))
    drawn = F.interpolate(drawn, guess.shape[2:], mode='bilinear', align_corners=False)
    (caught,), fooled = logits_of(s.nets[0], drawn.detach()), frozen(s.nets[0])(drawn)
    real_pixels, fake, fooled = (x.float().logsumexp(1) for x in (guess, caught, fooled))
    return entropy(known, s.truth) + real(real_pixels) + real(-fake) + real(fooled)
