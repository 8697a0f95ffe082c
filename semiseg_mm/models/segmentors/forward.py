"""One forward of an mmseg network on one view or several, and what a method gets from it."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import accumulate
from typing import NamedTuple

import torch
from mmseg.models.utils import resize
from mmseg.utils import add_prefix
from torch import Tensor, nn
from torch.func import functional_call

from semiseg_mm.errors import UserError
from semiseg_mm.structures import View
from semiseg_mm.utils import nearest

from .head_loss import auxiliary_losses, head_loss
from .network import can_be_taken_apart, logits_of


class Output(NamedTuple):
    """Hold what a network gives for one view."""

    logits: Tensor  # B,C,H,W at the size of the images
    features: tuple = ()  # each level of backbone and neck; () where the network is used whole
    embedding: Tensor | None = None  # B,D,h,w: what the head's last layer, conv_seg, receives
    coarse: Tensor | None = None  # B,C,h,w: the logits at the head's own size


Outputs = dict[str, dict[str, Output]]  # network -> view -> its output


def forward_groups(
    joint_forward: bool | Sequence[Sequence[str]], student_views: Sequence[str]
) -> list[tuple[str, ...]]:
    """Return which views share a forward."""
    if isinstance(joint_forward, bool):
        alone = [(view,) for view in student_views]
        return [('labeled', *student_views)] if joint_forward else [('labeled',), *alone]
    groups = [tuple(group) for group in joint_forward]
    named = sorted(view for group in groups for view in group)
    if named != sorted(['labeled', *student_views]) or 'labeled' not in groups[0]:
        raise UserError(
            f'joint_forward={groups} must name each of labeled, {", ".join(student_views)} once, '
            "and 'labeled' in the first group."
        )
    return groups


def split_forward(
    network: nn.Module,
    views: dict[str, View],
    perturbation: nn.Module | None = None,
    accuracy: bool = True,
) -> tuple[dict, dict[str, Output]]:
    """Return the supervised loss, if 'labeled' is among the views, and each view's output.

    All views share the forward. The loss is the network's own, taken apart at the logits, so that
    nothing is computed twice.

    Args:
        accuracy: Whether to compute ``acc_seg`` beside the loss.
    """
    parts = _slices({name: len(view.inputs) for name, view in views.items()})
    images = torch.cat([view.inputs for view in views.values()])
    features = network.extract_feat(images)
    if perturbation is not None:
        features, parts = perturbation(features, parts)
    with _embedding_of(network) as embedding:
        logits = network.decode_head.forward(features)
    losses = {}
    if 'labeled' in views:
        part, samples = parts['labeled'], views['labeled'].data_samples
        found = head_loss(network.decode_head, logits[part], samples, accuracy)
        losses = add_prefix(found, 'decode')
        if network.with_auxiliary_head:
            own = [_take(level, part) for level in features]
            losses.update(auxiliary_losses(network, own, samples, accuracy))
    everything = Output(logits, tuple(features), *embedding)
    return losses, _outputs(network, everything, parts, images)


def whole_forward(
    network: nn.Module, views: dict[str, View], labeled_output: bool
) -> tuple[dict, dict[str, Output]]:
    """Return loss and outputs of networks and heads with a loss of their own (cascades, EncNet).

    They are used whole, with a second forward for the outputs.

    Args:
        labeled_output: Whether the output of 'labeled' is asked for.
    """
    losses = {}
    if 'labeled' in views:
        losses = network.loss(views['labeled'].inputs, views['labeled'].data_samples)
        if len(views) == 1 and not labeled_output:
            return losses, {}
    images = torch.cat([view.inputs for view in views.values()])
    parts = _slices({name: len(view.inputs) for name, view in views.items()})
    with _embedding_of(network) as embedding:
        logits = logits_of(network, images)
    return losses, _outputs(network, Output(logits, (), *embedding), parts, images)


class _Forward(nn.Module):
    """Make the forward of images a module's, which torch can call with other weights."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, images: Tensor) -> Output:
        return forward_images(self.network, images)


def forward_images(
    network: nn.Module, images: Tensor, weights: Mapping[str, Tensor] | None = None
) -> Output:
    """Return the network's output for images, without a loss.

    Args:
        weights: Parameters and buffers, by name, that stand in the place of its own.
    """
    if weights is not None:
        named = {f'network.{name}': value for name, value in weights.items()}
        return functional_call(_Forward(network), named, (images,))
    view = dict(images=View(images, [], torch.empty(0)))
    if can_be_taken_apart(network):
        return split_forward(network, view)[1]['images']
    return whole_forward(network, view, False)[1]['images']


@contextmanager
def in_mode(*modules: nn.Module, train: bool | None) -> Iterator[None]:
    """Put modules into train or eval mode, and give each submodule its own mode back.

    None leaves the modes alone. The autocast cache is off: weights cast here, without a gradient,
    would be reused by a later forward of the same module and leave it without one, silently.
    """
    modes = [(part, part.training) for module in modules for part in module.modules()]
    cached = torch.is_autocast_cache_enabled()
    torch.set_autocast_cache_enabled(False)
    try:
        if train is not None and any(mode != train for _, mode in modes):
            for module in modules:
                module.train(train)
        yield
    finally:
        torch.set_autocast_cache_enabled(cached)
        for part, mode in modes:
            if part.training != mode:  # to set it takes ten times as long as to look
                part.training = mode


@contextmanager
def statistics_kept(*modules: nn.Module) -> Iterator[None]:
    """Let the norm layers of modules normalise as they do in their mode, and remember nothing."""
    layers = [part for module in modules for part in module.modules()]
    layers = [layer for layer in layers if getattr(layer, 'track_running_stats', False)]
    try:
        for layer in layers:
            layer.track_running_stats = False
        yield
    finally:
        for layer in layers:
            layer.track_running_stats = True


class NamedViews(dict):
    """Hold the views of a batch by name; say which key of the config makes a missing one."""

    def __missing__(self, name: str) -> View:
        raise UserError(
            f"The model needs the view '{name}', but a batch has {', '.join(self)}."
            f'{nearest(name, self)} If not: add it to train_dataloader.dataset.views (and leave '
            'labeled_only out of the sampler).'
        )


class NamedOutputs(dict):
    """Hold the outputs of a network by view; say how a method gets a missing one."""

    def __missing__(self, name: str) -> Output:
        raise UserError(
            f"There is no output for the view '{name}', but for {', '.join(self) or 'none'}."
            f'{nearest(name, self)} A method gets those of its student_views, and with '
            "loss_on_labeled=True that of 'labeled'."
        )


@contextmanager
def _embedding_of(network: nn.Module) -> Iterator[list[Tensor]]:
    """Collect what ``conv_seg`` of the main head receives: one tensor, or none where there is no
    such layer."""
    found: list[Tensor] = []
    layer = getattr(network.decode_head, 'conv_seg', None)
    if layer is None:
        yield found
        return
    handle = layer.register_forward_pre_hook(
        lambda _, inputs: found.__setitem__(slice(None), inputs)
    )
    try:
        yield found
    finally:
        handle.remove()


def _outputs(
    network: nn.Module, everything: Output, parts: dict[str, slice], images: Tensor
) -> dict[str, Output]:
    """Cut the output of a forward into those of its views, with logits at the images' size."""
    logits, features, embedding, _ = everything
    return {
        name: Output(
            resize(
                logits[part],
                images.shape[2:],
                mode='bilinear',
                align_corners=network.align_corners,
            ),
            tuple(_take(level, part) for level in features),
            None if embedding is None else embedding[part],
            logits[part],
        )
        for name, part in parts.items()
    }


def _take(level, part: slice):
    """Cut a level of features, which of a transformer may be a tuple with its class token."""
    return level[part] if isinstance(level, Tensor) else type(level)(x[part] for x in level)


def _slices(sizes: dict[str, int]) -> dict[str, slice]:
    """Return where each part stands in their concatenation."""
    ends = list(accumulate(sizes.values()))
    return {n: slice(end - size, end) for (n, size), end in zip(sizes.items(), ends, strict=True)}
