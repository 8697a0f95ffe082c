"""Methods without a strong view."""

import torch
import torch.nn.functional as F
from torch import Tensor

from .scene import TEACHER, Scene, distance, entropy, logits_of, straight


@straight()
def sup_only(s: Scene) -> Tensor:
    return entropy(*logits_of(s.nets[0], s.labeled), s.truth)


@straight()
def self_training(s: Scene) -> Tensor:
    known, pseudo = logits_of(s.nets[0], s.labeled, s.weak)
    return entropy(known, s.truth) + entropy(pseudo, s.truth)


@straight()
def dmt(s: Scene) -> Tensor:
    known, pseudo = logits_of(s.nets[0], s.labeled, s.weak)
    given = pseudo.detach().float().softmax(1).gather(1, s.truth.unsqueeze(1)).squeeze(1)
    pixels = F.cross_entropy(pseudo.float(), s.truth, reduction='none')
    return entropy(known, s.truth) + (pixels * given**5).mean()


@straight()
def st(s: Scene) -> Tensor:
    return entropy(torch.cat(logits_of(s.nets[0], s.labeled, s.weak)), s.truth.repeat(2, 1, 1))


@straight(TEACHER)
def mean_teacher(s: Scene) -> Tensor:
    with torch.no_grad():
        target = torch.cat(logits_of(s.nets[1], s.weak, s.labeled)).float().softmax(1)
    (known,), (guess,) = (logits_of(s.nets[0], x) for x in (s.labeled, s.weak))
    return entropy(known, s.truth) + 100 * distance(torch.cat([guess, known]), target).mean()


@straight(TEACHER)
def vat(s: Scene) -> Tensor:
    with torch.no_grad():
        target = logits_of(s.nets[1], s.weak)[0].float().softmax(1)
    near = (0.01 * torch.randn_like(s.strong[0])).requires_grad_()
    (moved,) = logits_of(s.nets[1], s.strong[0] + near)
    (slope,) = torch.autograd.grad(F.kl_div(moved.log_softmax(1), target, reduction='sum'), near)
    (known,), (guess,) = (logits_of(s.nets[0], x) for x in (s.labeled, s.strong[0] + slope.sign()))
    share = (target.amax(1) > 0.97).float().mean()
    pixels = F.kl_div(guess.float().log_softmax(1), target, reduction='none').sum(1)
    return entropy(known, s.truth) + 0.1 * (pixels * share).mean()


@straight()
def s4l(s: Scene) -> Tensor:
    """The head is two convolutions on the logits, with weights that nobody learns."""
    originals = torch.cat([s.labeled, s.weak])
    maps = logits_of(s.nets[0], s.labeled, s.weak, *originals.rot90(1, (2, 3)).chunk(2))
    x = torch.cat(maps).float()
    for channels in (x.shape[1], 2 * x.shape[1]):
        weight = torch.ones(channels, x.shape[1], 4, 4, device=x.device)
        x = F.leaky_relu(F.conv2d(x, weight, stride=2, padding=1), 0.2)
    turned = torch.arange(len(x), device=x.device) // len(originals)
    told = F.cross_entropy(x.mean((2, 3)), turned)
    own = entropy(maps[0], s.truth) + 0.1 * entropy(maps[2], s.truth.rot90(1, (1, 2)))
    return own + 0.1 * told


@straight()
def pseudo_seg(s: Scene) -> Tensor:
    """The classifier pools the features, with weights that nobody learns."""
    net = s.nets[0]
    (known,), (weak,) = (logits_of(net, x) for x in (s.labeled, s.weak))
    with torch.no_grad():
        seen = net.eval().extract_feat(s.weak)[-1].mean((1, 2, 3)).sigmoid()  # B
        net.train()
        target = weak.float().softmax(1) * seen.view(-1, 1, 1, 1)
    (guess,) = logits_of(net, s.strong[0] * ~s.box.unsqueeze(1))
    return entropy(known, s.truth) + F.cross_entropy(guess.float(), target)
