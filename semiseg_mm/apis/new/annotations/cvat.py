import xml.etree.ElementTree as ElementTree
from xml.etree.ElementTree import Element

import numpy as np

from semiseg_mm.errors import UserError

from .shapes import Annotated, Bitmap, Outline, Shape, box


def read_cvat(files: list[str]) -> tuple[list[Annotated], list[str]]:
    """Read "CVAT for images 1.1": polygon, mask and box, the higher z_order on top."""
    found, names = [], []
    for file in files:
        root = _parse(file)
        names += [e.text for e in root.iterfind('meta//labels/label/name') if e.text not in names]
        if root.find('track') is not None:
            raise UserError(
                f'{file} is "CVAT for video": export the task as "CVAT for images 1.1".'
            )
        for image in root.iterfind('image'):
            size = int(image.get('height')), int(image.get('width'))
            one = Annotated(image.get('name'), size, file)
            layers = sorted(image, key=lambda shape: int(shape.get('z_order') or 0))
            for shape in layers:
                if shape.tag in ('polygon', 'mask', 'box'):  # lines, points and tags cover nothing
                    one.shapes.append((shape.get('label'), _shape(shape)))
            names += [name for name, _ in one.shapes if name not in names]
            found.append(one)
    drawn = {name for one in found for name, _ in one.shapes}
    return found, [name for name in names if name in drawn]


def _parse(file: str) -> Element:
    with open(file, 'rb') as content:
        text = content.read()
    if b'<!ENTITY' in text:  # CVAT writes none, and they can fill the memory
        raise UserError(f'{file} defines entities, which CVAT does not write: export it again.')
    try:
        return ElementTree.fromstring(text)
    except ElementTree.ParseError as error:
        raise UserError(f'{file} cannot be read as XML ({error}): export it again.') from error


def _shape(shape: Element) -> Shape:
    if shape.tag == 'polygon':
        return Outline(
            [float(n) for pair in shape.get('points').split(';') for n in pair.split(',')]
        )
    if shape.tag == 'box':
        sides = [float(shape.get(side)) for side in ('xtl', 'ytl', 'xbr', 'ybr')]
        return _turned(box(*sides), float(shape.get('rotation') or 0))
    width, height = int(shape.get('width')), int(shape.get('height'))
    runs = np.array([int(n) for n in shape.get('rle').split(',')])  # of 0 and 1 in turn, by rows
    if (runs < 0).any() or runs.sum() != width * height:
        raise ValueError(f'the runs of a mask do not make {width} x {height} pixels')
    mask = np.repeat(np.arange(len(runs)) % 2 == 1, runs).reshape(height, width)
    return Bitmap(mask, int(shape.get('left')), int(shape.get('top')))


def _turned(outline: Outline, degrees: float) -> Outline:
    """Return the outline turned clockwise around its middle."""
    points = np.array(outline.points).reshape(-1, 2)
    cos, sin = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    middle = points.mean(0)
    return Outline(((points - middle) @ [[cos, sin], [-sin, cos]] + middle).ravel().tolist())
