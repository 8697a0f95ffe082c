import base64
import io
import json
import os.path as osp
import zlib

import numpy as np
from PIL import Image

from semiseg_mm.datasets.transforms.image_bytes import MAX_PIXELS

from .shapes import Annotated, Bitmap, Outline, Shape, box

READ = ('polygon', 'bitmap', 'rectangle')  # lines and points cover nothing


def read_supervisely(files: list[str]) -> tuple[list[Annotated], list[str]]:
    """Read Supervisely's JSON, one file an image: polygon, bitmap, rectangle."""
    found, names = [], set()
    for file in files:
        with open(file, encoding='utf-8') as text:
            content = json.load(text)
        size = content['size']['height'], content['size']['width']
        one = Annotated(osp.basename(file).removesuffix('.json'), size, file)
        for item in content['objects']:
            if item.get('geometryType') in READ:
                one.shapes.append((item['classTitle'], _shape(item)))
        names |= {name for name, _ in one.shapes}
        found.append(one)
    return found, sorted(names)


def _shape(item: dict) -> Shape:
    if item['geometryType'] == 'bitmap':
        packed, (x, y) = item['bitmap']['data'], item['bitmap']['origin']
        # as much as an image may have; a small text can unpack to gigabytes
        content = zlib.decompressobj().decompress(base64.b64decode(packed), MAX_PIXELS)
        with Image.open(io.BytesIO(content)) as image:
            mask = np.asarray(image.convert('L') if image.mode in ('1', 'P') else image)
        mask = mask[..., -1] if mask.ndim == 3 else mask  # of colours the last channel is alpha
        return Bitmap(mask > 0, int(x), int(y))
    outline = item['points']['exterior']
    if item['geometryType'] == 'rectangle':
        (left, top), (right, bottom) = outline
        return box(left, top, right, bottom)
    holes = tuple(np.ravel(hole).tolist() for hole in item['points'].get('interior', ()))
    return Outline(np.ravel(outline).tolist(), holes)
