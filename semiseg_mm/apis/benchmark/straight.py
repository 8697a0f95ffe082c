"""Straight-line code with the network passes of each method: what a step must cost.

There is no data preprocessor, no padding, no hook and no log: normalised images in, loss out.
"""

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
