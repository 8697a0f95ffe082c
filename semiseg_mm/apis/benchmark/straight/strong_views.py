"""Methods whose student learns labels of the weak view on strong ones."""

import torch
import torch.nn.functional as F
from torch import Tensor

from .scene import TEACHER, Scene, distance, entropy, head_of, logits_of, straight, taught


@straight(TEACHER)
def fixmatch(s: Scene) -> Tensor:
    with torch.no_grad():
        target = taught(*logits_of(s.nets[1], s.weak))
    known, guess = logits_of(s.nets[0], s.labeled, s.mix(s.strong[0]))
    return entropy(known, s.truth) + entropy(guess, *map(s.mix, target))


@straight()
def fixmatch_v1(s: Scene) -> Tensor:
    known, weak = logits_of(s.nets[0], s.labeled, s.weak)
    (guess,) = logits_of(s.nets[0], s.mix(s.strong[0]))
    return entropy(known, s.truth) + entropy(guess, *map(s.mix, taught(weak)))


@straight(TEACHER)
def cutmix_seg(s: Scene) -> Tensor:
    with torch.no_grad():
        target = logits_of(s.nets[1], s.weak)[0].float().softmax(1)
    (known,), (guess,) = (logits_of(s.nets[0], x) for x in (s.labeled, s.mix(s.strong[0])))
    share = (target.amax(1) > 0.97).float().mean()
    return entropy(known, s.truth) + (distance(guess, s.mix(target)).sum(1) * share).mean()


@straight(TEACHER)
def ael(s: Scene) -> Tensor:
    s.nets[1].train()
    with torch.no_grad():
        sure, known = (taught(*logits_of(s.nets[1], x)) for x in (s.labeled, s.weak))
    (own,), (guess,) = (logits_of(s.nets[0], x) for x in (s.labeled, s.mix(s.strong[0])))
    loss = entropy(own, s.truth)
    for logits, (label, confidence) in ((own, sure), (guess, tuple(map(s.mix, known)))):
        weight = confidence**2
        pixels = F.cross_entropy(logits.float(), label, reduction='none')
        loss = loss + (pixels * weight).sum() / weight.sum()
    return loss


@straight(TEACHER)
def imas(s: Scene) -> Tensor:
    with torch.no_grad():
        target = taught(*logits_of(s.nets[1], s.weak))
        s.nets[0].eval()
        own = taught(*logits_of(s.nets[0], s.weak))
        s.nets[0].train()
    easy = (own[0] == target[0]).float().mean((1, 2))
    strong = torch.lerp(s.weak, s.strong[0], easy.view(-1, 1, 1, 1))
    known, _, mixed, guess = logits_of(s.nets[0], s.labeled, s.weak, s.mix(s.weak), strong)
    return entropy(known, s.truth) + entropy(guess, *target) + entropy(mixed, *map(s.mix, target))


@straight(TEACHER)
def dual_teacher(s: Scene) -> Tensor:
    s.nets[1].train()
    with torch.no_grad():
        target = taught(*logits_of(s.nets[1], s.weak))
    known, mixed = logits_of(s.nets[0], s.labeled, s.mix(s.weak))
    (guess,) = logits_of(s.nets[0], s.strong[0])
    return entropy(known, s.truth) + entropy(mixed, *map(s.mix, target)) + entropy(guess, *target)


@straight()
def unimatch(s: Scene) -> Tensor:
    net, size = s.nets[0], len(s.labeled)
    features = net.extract_feat(torch.cat([s.labeled, s.weak]))
    features = [torch.cat([x, F.dropout2d(x[size:], 0.5)]) for x in features]
    known, weak, dropped = head_of(net, features, s.labeled.shape, 3)
    target = taught(weak)
    loss = entropy(known, s.truth) + entropy(dropped, *target)
    for guess in logits_of(net, *map(s.mix, s.strong)):
        loss = loss + entropy(guess, *map(s.mix, target))
    return loss


@straight(TEACHER)
def unimatch_v2(s: Scene) -> Tensor:
    with torch.no_grad():
        target = taught(*logits_of(s.nets[1], s.weak))
    loss = entropy(*logits_of(s.nets[0], s.labeled), s.truth)
    features = s.nets[0].extract_feat(torch.cat([s.mix(x) for x in s.strong]))
    features = [x * torch.ones_like(x[:, :, :1, :1]) for x in features]
    for guess in head_of(s.nets[0], features, s.labeled.shape, 2):
        loss = loss + entropy(guess, *map(s.mix, target))
    return loss


@straight()
def s4mc(s: Scene) -> Tensor:
    (known,), (weak,) = (logits_of(s.nets[0], x) for x in (s.labeled, s.weak))
    own = weak.detach().float().softmax(1)
    wide, height, width = F.pad(own, (1, 1, 1, 1)), *own.shape[2:]
    corners = ((0, 1), (2, 1), (1, 0), (1, 2))
    around = torch.stack([wide[..., y : y + height, x : x + width] for y, x in corners])
    confidence, label = (own + 0.6 * around.amax(0) * (1 - own)).max(1)
    loss = entropy(known, s.truth)
    for guess in logits_of(s.nets[0], *map(s.mix, s.strong)):
        sure, pixels = s.mix(confidence), F.cross_entropy(guess, s.mix(label), reduction='none')
        limit = sure.flatten().sort().values[sure.numel() // 4]
        loss = loss + (pixels * (sure >= limit)).mean()
    return loss


@straight(TEACHER)
def pixcon(s: Scene) -> Tensor:
    return unimatch_v2(s)  # its contrast takes no pass of its own


@straight(TEACHER)
def reco(s: Scene) -> Tensor:
    with torch.no_grad():
        s.nets[1].train()  # as its official code has it
        label, confidence = map(s.mix, taught(*logits_of(s.nets[1], s.weak)))
    (known,), (guess,) = (logits_of(s.nets[0], x) for x in (s.labeled, s.mix(s.strong[0])))
    share = (confidence >= 0.97).float().mean((1, 2), keepdim=True)
    pixels = F.cross_entropy(guess.float(), label, reduction='none')
    return entropy(known, s.truth) + (pixels * share).mean()
