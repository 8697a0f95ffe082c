"""Shows images with what the network makes of them: the worst, some, and unlabeled ones."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import numpy as np

from semiseg_mm.errors import UserError
from semiseg_mm.utils.confusion import areas

from .blocks import Gallery, Legend, Note, Panels, Section, Table
from .images import flat, photo
from .looks import IGNORED, Look, Networks, Views, spread
from .sections import Blocks, section, two

SMALL = 128  # pixels; up to this side pixels are shown as such
WHITE, WRONG, RIGHT = (255, 255, 255), (60, 60, 220), (225, 225, 225)  # blue first


def image_sections(networks: Networks, count: int) -> list[Section]:
    """Return all that the networks have to be run for; why not, if they cannot be."""
    opened = section('Images', _tried, lambda: networks.main)
    if opened.blocks:
        return [opened]
    found = [section('Validation images', _tried, lambda: networks.looks)]
    if not found[0].blocks and len(networks.looks) <= count:  # the same ones would come twice
        found = [
            section('Validation images', worst, networks, count),
            section('Agreement of the networks', agreement, networks),
        ]
    elif not found[0].blocks:
        found = [
            section('Worst validation images', worst, networks, count),
            section('Some validation images', some, networks, count),
            section('Agreement of the networks', agreement, networks),
        ]
    return [*found, section('Unlabeled images', unlabeled, networks, count)]


def _tried(step: Callable) -> Blocks:
    """Yield nothing, if a step that others need can be done."""
    step()
    yield from ()


def worst(networks: Networks, count: int) -> Blocks:
    """Yield the images with the lowest mean IoU."""
    looks = networks.looks
    total, whole = len(looks), len(networks.validated)
    which = f'{total} of the {whole} validation images, evenly spread,'
    if total == whole:
        which = 'the only validation image' if whole == 1 else f'all {whole} validation images'
    both, either, *_ = (part.double() for part in areas(networks.table))
    mean = float((both / either.clamp(min=1)).sum() / (either > 0).sum().clamp(min=1))
    yield Note(
        f'Labeled by {networks.checkpoint}, {which} {"has" if total == 1 else "together have"} '
        f'{100 * mean:.2f} mIoU. An image’s IoU is the mean over the classes in its truth or its '
        'prediction.' + ' The worst image comes first.' * (total > 1),
        'soft',
    )
    shown = looks[:count]
    yield from _gallery(networks, [(networks.view(look.place), _said(look)) for look in shown])


def some(networks: Networks, count: int) -> Blocks:
    """Yield some validation images, at equal distances in their order."""
    by_index = {look.place: look for look in networks.looks}
    known = sorted(by_index) or range(len(networks.validated))
    indices = [known[k] for k in spread(len(known), count)]
    yield from _gallery(networks, [(networks.view(k), _said(by_index.get(k))) for k in indices])


def unlabeled(networks: Networks, count: int) -> Blocks:
    """Yield unlabeled images with the label that the network gives them now."""
    views = [(view, '') for view in networks.unlabeled_views(count)]
    if not views:
        yield Note('This training has no unlabeled images.')
        return
    yield Note(
        'The label that the last checkpoint makes of whole unlabeled images, and how sure it is '
        '(white: certain). No mask of these images was opened.',
        'soft',
    )
    yield from _gallery(networks, views)


def agreement(networks: Networks) -> Blocks:
    """Yield how much the networks agree on the validation images."""
    looks = networks.looks
    if not networks.agreement:
        yield Note('The checkpoint has one network: there is nothing to compare it with.')
        return
    rows = [
        [f'{one} and {other}', two(100 * total / len(looks))]
        for (one, other), total in networks.agreement.items()
    ]
    yield Table(['networks', 'mean IoU of their predictions'], rows)
    yield Note(
        'The mean over the images above, in percent; 100: both give each pixel the same class.',
        'soft',
    )


def _said(look: Look | None) -> str:
    if look is None:
        return ''
    return f': IoU {100 * look.iou:.1f}, accuracy {100 * look.accuracy:.1f}'


def _gallery(networks: Networks, views: Iterable[tuple[Views, str]]) -> Blocks:
    views = list(views)
    if not views:
        raise UserError('No image is shown: --images is 0.')
    palette = _palette(networks.main.palette)
    rows = [Panels(f'{view.name}{said}', _pictures(view, palette)) for view, said in views]
    sides = [max(view.label.shape) for view, _ in views]
    yield Legend(list(zip(networks.main.classes, networks.main.palette)))
    yield Gallery(rows, pixels=max(sides) <= SMALL)


def _pictures(view: Views, palette: np.ndarray) -> list[tuple[str, str]]:
    show = photo if max(view.label.shape) > SMALL else flat
    found = [('image', show(view.image))]
    if view.truth is not None:
        found.append(('truth', flat(palette[view.truth])))
    found.append(('prediction', flat(palette[view.label])))
    if view.truth is not None:
        wrong = np.where((view.truth == view.label)[..., None], RIGHT, WRONG)
        wrong[view.truth == IGNORED] = WHITE
        found.append(('wrong', flat(wrong.astype(np.uint8))))
    return [*found, ('confidence', show(view.confidence))]


def _palette(colours: Sequence[Sequence[int]]) -> np.ndarray:
    """Return a table of all numbers, blue first; what is ignored is white."""
    table: np.ndarray = np.full((256, 3), WHITE, np.uint8)
    table[: len(colours)] = np.asarray(colours, np.uint8)[:, ::-1]
    return table
