"""Find the classes in masks: numbers, grey levels, palettes and colours."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import NamedTuple

import numpy as np
from PIL import Image

from semiseg_mm.datasets.mask_reading import Job, run_all
from semiseg_mm.errors import UserError

from .colours import (
    GREY,
    colours_of,
    distance,
    is_blend,
    named_value,
    nearest,
    split,
    text_of,
    value_of,
)

IGNORED = 255
NUMBERS = 64  # values below it are class numbers, not grey levels
NEAR = 24  # so far may a value of a colour be from that of a class, in a JPEG or at an edge
FLAT = 6  # so much may values of one area differ in a JPEG
MOST_CLASSES = 250


class Stored(NamedTuple):
    """A mask file: numbers or colours (each as one number), and what says which they are."""

    values: np.ndarray  # H,W
    coloured: bool
    lossy: bool
    palette: tuple | None  # of a palette PNG


class Seen(NamedTuple):
    counts: dict[int, int]
    solid: dict[int, int]  # how often a value fills 3x3 pixels: edges that are blended never do
    coloured: bool
    lossy: bool
    palette: tuple | None


@dataclass
class ClassTable:
    """Which value of a mask is which class."""

    names: list[str]
    palette: list[tuple[int, int, int]]
    labels: dict[int, int]  # value → class, or 255
    colours: bool = False  # values are colours
    notes: list[str] = field(default_factory=list)
    rounded: float = 0.0  # share of pixels whose value is none of the table's
    far: float = 0.0  # share of pixels whose value is not even near to one

    def read(self, path: str) -> np.ndarray:
        """Return the label map of a mask # H,W uint8"""
        values = stored(path, colours=self.colours).values
        unique, inverse = np.unique(values, return_inverse=True)
        known = sorted(self.labels)
        places = nearest(unique, known)
        table = np.array([self.labels[known[k]] for k in places], np.uint8)
        return table[inverse].reshape(values.shape)


def stored(path: str, colours: bool | None = None) -> Stored:
    """Read a mask as it is stored. ``colours`` forces colours, or else forbids nothing."""
    try:
        with Image.open(path) as image:
            lossy, palette = image.format in ('JPEG', 'MPO', 'WEBP'), None
            if image.mode == 'P':
                flat = image.getpalette('RGB')
                palette = tuple(zip(flat[::3], flat[1::3], flat[2::3]))
                image = image.convert('RGB') if colours else image
            elif image.mode == '1':
                image = image.convert('L')
            elif image.mode in ('LA', 'PA', 'CMYK', 'YCbCr'):
                image = image.convert('RGB')
            mask = np.asarray(image)
    except (OSError, SyntaxError, ValueError) as error:
        raise UserError(f'The mask {path} cannot be read ({error}): mend or remove it.') from error
    if mask.ndim == 3 and mask.shape[2] == 4:  # what is transparent has no colour
        mask = mask[..., :3] * (mask[..., 3:] > 0)
    if mask.ndim == 3 and (mask == mask[..., :1]).all():
        mask = mask[..., 0]
    if mask.ndim == 3:
        packed = mask.astype(np.int32) @ np.array([65536, 256, 1], np.int32)
        return Stored(packed, True, lossy, palette)
    mask = mask.astype(np.int32)
    return Stored(mask * int(GREY) if colours else mask, bool(colours), lossy, palette)


def look(paths: Sequence[str], colours: bool | None, index: int) -> Seen:
    mask = stored(paths[index], colours)
    height, width = mask.values.shape
    inner = (slice(1, height - 1), slice(1, width - 1))
    same = np.ones((max(0, height - 2), max(0, width - 2)), bool)
    for shift in (0, 8, 16):  # blue, green, red
        channel = mask.values >> shift & (255 if mask.coloured else -1)
        for y in range(3):
            for x in range(3):
                other = channel[y : height - 2 + y, x : width - 2 + x]
                same &= np.abs(other - channel[inner]) <= (FLAT if mask.lossy else 0)
        if not mask.coloured:
            break
    solid = _counts(mask.values[inner][same])
    return Seen(_counts(mask.values), solid, mask.coloured, mask.lossy, mask.palette)


def find_classes(
    paths: Iterable[str],
    names: Sequence[str] = (),
    ignore: Sequence[str] = (),
    most_rounded: float = 0.05,
) -> ClassTable:
    """Return the table of classes of these masks. ``names`` may be NAME or NAME=VALUE."""
    paths = list(paths)
    seen = run_all(Job(partial(look, paths, None), len(paths)), None, 'masks')
    palettes = {one.palette for one in seen}
    mixed = len({one.coloured for one in seen}) > 1
    explicit_colours = any('#' in word for word in (*names, *ignore))
    colours = seen[0].coloured or mixed or explicit_colours or _differ(seen)
    if colours and not all(one.coloured for one in seen):
        seen = run_all(Job(partial(look, paths, True), len(paths)), None, 'masks')
    counts, solid = Counter(), Counter()
    for one in seen:
        counts.update(one.counts)
        solid.update(one.solid)
    lossy = any(one.lossy for one in seen)
    if lossy and not colours and max(counts) < NUMBERS:
        raise UserError(
            f'{paths[0]} is a JPEG with values from {min(counts)} to {max(counts)}: JPEG changes '
            'class numbers. Save the masks as PNG, from where they were made.'
        )
    named = dict(named_value(word, colours) for word in names if '=' in word)
    dropped = {value_of(word, colours) for word in ignore if word != 'none'}
    notes = []
    if named:
        values = sorted({*named, *dropped})
    elif not colours and max(set(counts) - {IGNORED}, default=0) < NUMBERS:
        values = sorted(counts)
        others = [v for v in values if v != IGNORED]
        if IGNORED in values and len(others) > 1 and not ignore:
            dropped.add(IGNORED)
            notes.append('255 is taken for "ignore" (--ignore none makes it a class).')
    else:
        values = _frequent(counts, solid, colours, lossy)
    kept = [value for value in values if value not in dropped]
    if len(kept) > MOST_CLASSES or not kept:
        raise UserError(
            f'{len(kept)} classes were found in {len(paths)} masks, such as {paths[0]}: are these '
            'masks, and not photos?'
        )
    table = _table(kept, names, named, colours, next(iter(palettes - {None}), None))
    table.labels.update(dict.fromkeys(dropped, IGNORED))
    table.notes = notes
    _judge_rounding(table, counts, most_rounded)
    if set(counts) == {0, IGNORED} and IGNORED in kept:
        table.notes.append(
            'The masks hold 0 and 255 alone: 255 becomes class 1 (--ignore 255 ignores it).'
        )
    return table


def _judge_rounding(table: ClassTable, counts: Counter, most: float) -> None:
    """Note how many pixels go to the nearest class, and stop if too many are far from it."""
    values, known = np.array(sorted(counts)), sorted(table.labels)
    pixels = np.array([counts[v] for v in values.tolist()])
    place = nearest(values, known)
    ends = np.array(known)[place]
    far = np.abs(split(values) - split(ends)).max(1) > NEAR
    table.rounded = float(pixels[values != ends].sum() / pixels.sum())
    table.far = float(pixels[far].sum() / pixels.sum())
    if table.rounded:
        table.notes.append(
            f'{100 * table.rounded:.2f} % of the pixels hold a value of no class and went to the '
            f'nearest one, {100 * table.far:.2f} % from far (smoothed edges, JPEG).'
        )
    if table.far > most:
        raise UserError(
            f'{100 * table.far:.1f} % of the pixels lie between the {len(known)} values of classes '
            'that were found: that is more than smoothed edges. Name the classes with --classes '
            'NAME=#RRGGBB …, save the masks as PNG without smoothed edges, or raise --max-rounded.'
        )


def _table(kept, names, named, colours, palette) -> ClassTable:
    if named:
        texts = list(dict.fromkeys(named.values()))  # several values may be one class
        labels = {value: texts.index(name) for value, name in named.items()}
        first = [next(v for v in named if labels[v] == k) for k in range(len(texts))]
        return ClassTable(texts, colours_of(first, colours, palette), labels, colours)
    if names and len(names) > len(kept) and not colours and len(names) > max(kept):
        kept = list(range(len(names)))  # masks may lack a class
    if names and len(names) != len(kept):
        shown = ', '.join(text_of(v, colours) for v in kept[:12])
        raise UserError(
            f'--classes names {len(names)} classes, but the masks hold {len(kept)}: {shown}. Name '
            'each (NAME=VALUE says which), or say which values to --ignore.'
        )
    texts = list(names) or [f'class_{k}' for k in range(len(kept))]
    labels = {value: k for k, value in enumerate(kept)}
    return ClassTable(texts, colours_of(kept, colours, palette), labels, colours)


def _frequent(counts: Counter, solid: Counter, colours: bool, lossy: bool) -> list[int]:
    """Return the values that are classes.

    At smooth edges and in JPEGs there are others: near one of the classes, or a blend of two.
    """
    ranked = sorted(solid or counts, key=lambda v: (-solid[v], -counts[v], v))
    kept: list[int] = []
    for value in ranked:
        if not (lossy and kept and distance(value, kept).min() <= 2 * NEAR):
            kept.append(value)
        if len(kept) > MOST_CLASSES:
            return kept
    if not lossy and len(counts) - len(kept) <= MOST_CLASSES:  # thin lines fill no 3x3 pixels
        few = max(16, sum(counts.values()) // 5000)
        for value in sorted(set(counts) - set(kept), key=lambda v: (-counts[v], v)):
            if counts[value] < few:
                break
            if distance(value, kept).min() > NEAR and not is_blend(value, kept):
                kept.append(value)
    return sorted(kept)


def _counts(values: np.ndarray) -> dict[int, int]:
    found, counts = np.unique(values, return_counts=True)
    return dict(zip(found.tolist(), counts.tolist()))


def _differ(seen: Sequence[Seen]) -> bool:
    """Return whether palettes give one number different colours: then the colours count."""
    known: dict[int, tuple] = {}
    for one in seen:
        for value in one.counts if one.palette else ():
            if (
                value < len(one.palette)
                and known.setdefault(value, one.palette[value]) != (one.palette[value])
            ):
                return True
    return False
