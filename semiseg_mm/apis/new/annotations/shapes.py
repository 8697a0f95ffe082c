"""Annotated images, and how their shapes become label maps."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from semiseg_mm.apis.label_exchange.coco_masks import decode
from semiseg_mm.errors import UserError


class Outline(NamedTuple):
    """A polygon x, y, x, y, …, and the polygons that are cut out of it."""

    points: list[float]
    holes: tuple = ()


class Bitmap(NamedTuple):
    """A small mask, and where its upper left corner lies."""

    mask: np.ndarray  # H,W bool
    x: int
    y: int


class Encoded(NamedTuple):
    """A segmentation as COCO writes it: RLE, or polygons."""

    segmentation: dict | list


Shape = Outline | Bitmap | Encoded


@dataclass
class Annotated:
    """An image by its name, with its shapes in the order in which they are drawn."""

    name: str
    size: tuple[int, int] | None  # h, w
    source: str
    shapes: list[tuple[str, Shape]] = field(default_factory=list)


def box(left: float, top: float, right: float, bottom: float) -> Outline:
    return Outline([left, top, right, top, right, bottom, left, bottom])


def draw(one: Annotated, labels: Mapping[str, int], rest: int, size: tuple[int, int]) -> np.ndarray:
    """Return the label map of an image # H,W uint8; what no shape covers is ``rest``."""
    canvas = np.full(size, rest, np.uint8)
    for name, shape in one.shapes:
        try:
            _paint(canvas, shape, labels[name])
        except (ValueError, TypeError, OverflowError) as error:
            raise UserError(
                f'{one.source}: a shape of {name} in {one.name} cannot be drawn ({error}): correct '
                'or delete it.'
            ) from error
    return canvas


def _paint(canvas: np.ndarray, shape: Shape, label: int) -> None:
    if isinstance(shape, Encoded):
        canvas[decode(shape.segmentation, *canvas.shape)] = label
    elif isinstance(shape, Outline):
        inside = decode([shape.points], *canvas.shape)
        for hole in shape.holes:
            inside &= ~decode([hole], *canvas.shape)
        canvas[inside] = label
    else:
        top, left = max(0, -shape.y), max(0, -shape.x)
        place = canvas[max(0, shape.y) :, max(0, shape.x) :]
        mask = shape.mask[top:, left:][: place.shape[0], : place.shape[1]]
        place[: mask.shape[0], : mask.shape[1]][mask] = label
