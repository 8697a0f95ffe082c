from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from semiseg_mm.datasets.collate import collate_views
from semiseg_mm.datasets.samplers import RequestStream
from semiseg_mm.models import SemiSegmentor
from semiseg_mm.models.pseudo_labels import filtered, stored_label
from semiseg_mm.models.segmentors.forward import NamedViews
from semiseg_mm.structures import PseudoLabel, View
from semiseg_mm.utils import preserved_rng, seed_all

PADDING = 96  # grey where there is no image
IGNORED = (255, 255, 255)


class Look(NamedTuple):
    """Hold one image in all its views: a caption, and H,W,3 uint8 (red first), for each."""

    name: str
    panels: list[tuple[str, np.ndarray]]


def first_batch(stream: RequestStream, labeled: int, unlabeled: int) -> dict:
    """Return the first images of a stream as a batch: so many labeled and unlabeled ones.

    They are the same at any time, whatever the training has drawn.
    """
    wanted, samples, position = {0: labeled, 1: unlabeled}, {0: [], 1: []}, 0
    wanted = {source: count for source, count in wanted.items() if source in stream.places}
    while any(len(samples[source]) < count for source, count in wanted.items()):
        source = stream.places[position % len(stream.places)]
        if len(samples[source]) < wanted[source]:
            samples[source].append(stream.dataset[stream.at(position)])
        position += 1
    return collate_views([*samples[0], *samples[1]])


def look_at(
    model: SemiSegmentor, data: dict, palette: Sequence[Sequence[int]], labels: bool = True
) -> list[Look]:
    """Return what the model makes of a batch, which stays as it is, and so does the model.

    Args:
        labels: Whether to show the labels that its networks make; those of an untrained one say
            nothing.
    """
    with undisturbed(model), torch.no_grad():
        views = _views(model, data)
        given = {name: view.inputs for name, view in views.items()}
        names = [_name(sample) for sample in views['labeled'].data_samples]
        rows = [_labeled(model, views['labeled'], k, palette) for k in range(len(names))]
        looks = [Look(name, row) for name, row in zip(names, rows, strict=True)]
        others = [name for name in views if name != 'labeled']
        if others:
            looks += _unlabeled(model, views, given, others[0], palette, labels)
    return looks


def _unlabeled(
    model: SemiSegmentor,
    views: NamedViews,
    given: dict[str, Tensor],
    first: str,
    palette: Sequence[Sequence[int]],
    labels: bool,
) -> list[Look]:
    before = views[first]
    views = model.prepare_views(views)
    shown: list[tuple[str, list[np.ndarray]]] = []
    for name, view in views.items():
        if name == 'labeled':
            continue
        changed = name in given and view.inputs is not given[name]
        if name in given:
            shown.append((name, _pictures(model, given[name], before.valid)))
        if changed or name not in given:
            shown.append(
                (f'{name}, mixed' if changed else name, _pictures(model, view.inputs, view.valid))
            )
    target = _target(model, before)
    if target is not None and (labels or 'gt_sem_seg' in before.data_samples[0]):
        shown += _label_panels(model, target, palette)
    names = [_name(sample) for sample in before.data_samples]
    return [
        Look(name, [(caption, images[k]) for caption, images in shown])
        for k, name in enumerate(names)
    ]


def _label_panels(
    model: SemiSegmentor, target: PseudoLabel, palette: Sequence[Sequence[int]]
) -> list[tuple[str, list[np.ndarray]]]:
    kept = filtered(getattr(model, 'filter', None), target).kept.clamp(0, 1)
    hard = target.hard.masked_fill(~target.valid, 255)
    labels = [colours(one, palette) for one in hard]
    share = (kept[:, None] * torch.from_numpy(np.stack(labels)).permute(0, 3, 1, 2).to(kept)).byte()
    return [
        ('pseudo label', labels),
        ('confidence', [_grey(one) for one in target.confidence * target.valid]),
        ('what counts', [one.permute(1, 2, 0).cpu().numpy() for one in share]),
    ]


def _target(model: SemiSegmentor, weak: View) -> PseudoLabel | None:
    """Return the label of the unmixed image, by the network that teaches, or as it was stored."""
    if weak.data_samples and 'gt_sem_seg' in weak.data_samples[0]:
        return stored_label(weak)
    networks = [name for name in model.teachers if name in model.networks] or model.students
    logits = model.teach(networks[0], weak.inputs).logits
    confidence, label = logits.float().softmax(1).max(1)
    return PseudoLabel(label, confidence, weak.valid)


# ------------------------------------------------------------------ tensors to pictures


def _views(model: SemiSegmentor, data: dict) -> NamedViews:
    data = model.data_preprocessor(copy.deepcopy(data), True)
    views = NamedViews()
    for name, images in data['inputs'].items():
        samples = data['data_samples'][name]
        views[name] = View(images, samples, torch.cat([s.valid.data for s in samples]))
    return views


def _labeled(
    model: SemiSegmentor, view: View, k: int, palette: Sequence[Sequence[int]]
) -> list[tuple[str, np.ndarray]]:
    (picture,) = _pictures(model, view.inputs[k : k + 1], view.valid[k : k + 1])
    label = view.data_samples[k].gt_sem_seg.data[0]
    return [('labeled', picture), ('label', colours(label, palette))]


def _pictures(model: SemiSegmentor, images: Tensor, valid: Tensor) -> list[np.ndarray]:
    """Return normalised images as they look; grey where they are padded."""
    used = model.data_preprocessor.network
    mean, std = getattr(used, 'mean', None), getattr(used, 'std', None)
    if mean is not None:
        images = images * std.to(images) + mean.to(images)
    images = images.expand(-1, 3, -1, -1) if images.shape[1] == 1 else images[:, :3]
    if not getattr(used, '_channel_conversion', False):
        images = images.flip(1)
    images = images.clamp(0, 255).masked_fill(~valid[:, None], PADDING).byte()
    return [image.permute(1, 2, 0).cpu().numpy() for image in images]


def colours(label: Tensor, palette: Sequence[Sequence[int]]) -> np.ndarray:
    """Draw a label map (H,W) in its classes' colours, white where it is ignored."""
    table = np.full((256, 3), IGNORED, np.uint8)
    table[: len(palette)] = palette
    return table[label.cpu().numpy().astype(np.uint8)]


def _grey(values: Tensor) -> np.ndarray:
    return np.repeat((values.float() * 255).byte().cpu().numpy()[:, :, None], 3, 2)


def _name(sample) -> str:
    return str(sample.metainfo.get('img_path', '')).rsplit('/', 1)[-1]


# ------------------------------------------------------------------ leaving no trace


@contextmanager
def undisturbed(model: nn.Module) -> Iterator[None]:
    """Give buffers, modes and random states back as they were, so that a training is the same."""
    buffers = [
        (module, name, buffer, buffer.clone())
        for module in model.modules()
        for name, buffer in module._buffers.items()
        if buffer is not None
    ]
    modes = [(module, module.training) for module in model.modules()]
    with preserved_rng():
        seed_all(0)
        model.training = False  # itself, not its parts: nothing is compiled for a picture's sizes
        try:
            yield
        finally:
            for module, name, buffer, value in buffers:
                module._buffers[name] = buffer.copy_(value)
            for module, mode in modes:
                module.training = mode
