"""Give each labeled image of a folder what makes its label map."""

import os.path as osp
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

import numpy as np

from semiseg_mm.errors import UserError

from .annotations import Annotated, draw, kind_of, read_annotations
from .classes import IGNORED, ClassTable, find_classes, stored
from .colours import class_colours
from .files import LeftOut, Names, Size, decoded_size, find_images, pair, separate_masks

BACKGROUND = ('background', '_background_')
NO_CLASS = '__ignore__'  # labelme's word


@dataclass
class Labeled:
    """The images of a folder: those with a label map, by what makes it, and the others."""

    root: str
    labels: dict[str, Callable[[], np.ndarray]] = field(default_factory=dict)
    sizes: dict[str, Size] = field(default_factory=dict)
    bare: list[str] = field(default_factory=list)


@dataclass
class Found:
    """Folders, their labels' source in each, and the classes of all of them."""

    folders: list[Labeled]
    names: list[str]
    palette: list
    kind: str
    notes: list[str] = field(default_factory=list)


def find_labels(
    folders: list[tuple[str, str]],
    left_out: LeftOut,
    names: list[str] = (),
    ignore: list[str] = (),
    rest: str = 'background',
    most_rounded: float = 0.05,
) -> Found:
    """Read folders of (images, labels): for training and, if they are apart, for validation."""
    kinds = [kind_of(labels) for _, labels in folders]
    if len({kind for kind, _ in kinds}) > 1:
        raise UserError('Masks for training and validation must be of one kind.')
    if kinds[0][0] == 'masks':
        return _of_masks(folders, left_out, names, ignore, most_rounded)
    if ignore:
        raise UserError('--ignore is for masks; annotated shapes are ignored with --classes.')
    return _of_annotations(folders, kinds, left_out, names, rest)


def _of_masks(folders, left_out, names, ignore, most_rounded) -> Found:
    pairs = []
    for folder, masks in folders:
        images = find_images(folder, left_out)
        images, files = separate_masks(folder, masks, images)
        root = folder if files and files[0].startswith(osp.join(folder, '')) else masks
        pairs.append((images, pair(Names(images, folder), files, root, left_out)))
    if not any(found for _, found in pairs):
        raise UserError(_nothing(folders[0]))
    table = find_classes(
        [m for _, found in pairs for m in found.values()], names, ignore, most_rounded
    )
    out = []
    for (folder, _), (images, found) in zip(folders, pairs):
        labeled = Labeled(folder, bare=[path for path in images if path not in found])
        for image, mask in found.items():
            size = stored(mask).values.shape
            _add(labeled, image, size, partial(table.read, mask), mask, left_out)
        out.append(labeled)
    return Found(out, table.names, table.palette, _describe(table), table.notes)


def _describe(table: ClassTable) -> str:
    return 'masks of colours' if table.colours else 'masks of numbers'


def _of_annotations(folders, kinds, left_out, names, rest) -> Found:
    read = [read_annotations(kind, files) for kind, files in kinds]
    drawn = list(dict.fromkeys(name for _, found in read for name in found))
    classes, numbers = _numbers(drawn, names, rest)
    out = []
    for (folder, source), (items, _) in zip(folders, read):
        images = find_images(folder, left_out)
        by_image, labeled = _match(items, Names(images, folder), left_out), Labeled(folder)
        for image, item in by_image.items():
            size = item.size or decoded_size(image)
            label = partial(draw, item, numbers, 0 if rest == 'background' else IGNORED, size)
            _add(labeled, image, size, label, item.source, left_out)
        labeled.bare = [path for path in images if path not in by_image]
        if not by_image:
            raise UserError(_nothing((folder, source)))
        out.append(labeled)
    what = 'class 0, background' if rest == 'background' else 'ignored (255)'
    note = f'Pixels without a shape are {what}.'
    return Found(out, classes, class_colours(len(classes)), f'{kinds[0][0]} annotations', [note])


def _match(items: list[Annotated], names: Names, left_out: LeftOut) -> dict[str, Annotated]:
    found: dict[str, Annotated] = {}
    for item in items:
        image = names.find(item.name)
        if image is None:  # labelme's file may have been renamed with its image
            image = names.find(f'{osp.splitext(osp.basename(item.source))[0]}')
        if image is None:
            left_out.setdefault('annotations without an image', []).append(
                f'{item.name} ({item.source})'
            )
        elif not item.shapes:
            left_out.setdefault('annotated without a shape: taken as unlabeled', []).append(image)
        elif image in found:
            raise UserError(
                f'{image} is annotated twice, in {found[image].source} and in {item.source}: '
                'remove one.'
            )
        else:
            found[image] = item
    return found


def _numbers(drawn: list[str], names: list[str], rest: str) -> tuple[list[str], dict[str, int]]:
    """Return the classes, and label → class number; 0 is the background, unless it is ignored."""
    labels = [name for name in drawn if name != NO_CLASS]
    things = [name for name in labels if name.lower() not in BACKGROUND]
    chosen = [name for name in names if name.lower() not in BACKGROUND] or things
    missing = sorted(set(things) - set(chosen))
    if missing:
        raise UserError(
            f'--classes lacks {", ".join(missing)}, which the annotations hold: name all of '
            f'{", ".join(things)}, in the order that you want.'
        )
    has_background = rest == 'background' or len(things) < len(labels)
    classes = ['background', *chosen] if has_background else chosen
    numbers = {name: classes.index(name) for name in things}
    numbers |= {name: 0 for name in labels if name not in things}
    return classes, numbers | {NO_CLASS: IGNORED}


def _add(labeled: Labeled, image: str, size: Size, label: Callable, source: str, left_out) -> None:
    found = decoded_size(image)
    if isinstance(found, str):
        left_out.setdefault('cannot be read', []).append(f'{image} ({found})')
    elif tuple(found) != tuple(size):
        turned = ' (the photo is turned by its EXIF data)' if found == size[::-1] else ''
        left_out.setdefault('labels of another size than their image', []).append(
            f'{source}: {size[1]}x{size[0]}, {image}: {found[1]}x{found[0]}{turned}'
        )
    else:
        labeled.sizes[image], labeled.labels[image] = found, label


def _nothing(folder: tuple[str, str]) -> str:
    images, labels = folder
    return (
        f'No image in {images} has a mask or annotation in {labels}: they go together by their '
        'names (x.jpg with x.png, x.jpg.png or x_mask.png).'
    )
