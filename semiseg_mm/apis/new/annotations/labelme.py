import base64
import io
import json
import math
import os.path as osp

import numpy as np
from PIL import Image

from semiseg_mm.errors import UserError

from .shapes import Annotated, Bitmap, Outline, Shape, box

LINES = ('line', 'linestrip', 'point', 'points')  # they cover nothing


def read_labelme(files: list[str]) -> tuple[list[Annotated], list[str]]:
    """Read labelme's JSON, one file an image: polygon, rectangle, circle, mask."""
    found, names = [], set()
    for file in files:
        with open(file, encoding='utf-8') as text:
            content = json.load(text)
        height, width = content.get('imageHeight'), content.get('imageWidth')
        one = Annotated(
            osp.basename(content['imagePath'].replace('\\', '/')),
            (height, width) if height and width else None,
            file,
        )
        for shape in content['shapes']:
            if shape.get('shape_type', 'polygon') not in LINES:
                one.shapes.append((shape['label'], _shape(shape, file)))
        names |= {name for name, _ in one.shapes}
        found.append(one)
    return found, sorted(names)


def _shape(shape: dict, file: str) -> Shape:
    kind, points = shape.get('shape_type') or 'polygon', shape['points']
    if kind == 'polygon':
        return Outline([float(value) for point in points for value in point])
    (x, y), (other_x, other_y) = points[0], points[1]
    if kind == 'rectangle':
        return box(min(x, other_x), min(y, other_y), max(x, other_x), max(y, other_y))
    if kind == 'circle':  # its middle, and a point on it
        radius, steps = math.hypot(other_x - x, other_y - y), np.arange(64) * math.pi / 32
        around = np.stack([x + radius * np.cos(steps), y + radius * np.sin(steps)], 1)
        return Outline(around.ravel().tolist())
    if kind == 'mask':
        with Image.open(io.BytesIO(base64.b64decode(shape['mask']))) as image:
            return Bitmap(np.asarray(image.convert('L')) > 0, round(x), round(y))
    raise UserError(
        f'{file} has a shape of the type {kind}, which is not known here: draw polygons, '
        'rectangles, circles or masks.'
    )
