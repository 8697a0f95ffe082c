"""Read what annotation tools write: labelme, COCO, CVAT, Supervisely."""

import json
import os.path as osp
import zlib
from pathlib import Path

from semiseg_mm.errors import UserError

from .coco import read_coco
from .cvat import read_cvat
from .labelme import read_labelme
from .shapes import Annotated, draw
from .supervisely import read_supervisely

__all__ = ['Annotated', 'draw', 'kind_of', 'read_annotations']

READERS = dict(labelme=read_labelme, coco=read_coco, cvat=read_cvat, supervisely=read_supervisely)
MALFORMED = (KeyError, TypeError, ValueError, AttributeError, IndexError, OSError, zlib.error)


def kind_of(path: str) -> tuple[str, list[str]]:
    """Return which format a file or folder is in, and its files; masks are 'masks'."""
    if not osp.exists(path):
        raise UserError(f'{path} does not exist: name the folder of masks, or the annotations.')
    files = [Path(path)] if osp.isfile(path) else sorted(Path(path).rglob('*'))
    texts = [str(p) for p in files if p.suffix.lower() in ('.json', '.xml') and p.is_file()]
    kinds: dict[str, list[str]] = {}
    for text in texts:
        if kind := _kind(text):
            kinds.setdefault(kind, []).append(text)
    if len(kinds) > 1:
        raise UserError(
            f'{path} holds annotations of several formats ({", ".join(sorted(kinds))}): name the '
            'file or the folder of one.'
        )
    if kinds:
        return next(iter(kinds.items()))
    if osp.isfile(path):
        raise UserError(
            f'{path} is in no known format: labelme, COCO, Supervisely (JSON), CVAT for images 1.1 '
            '(XML), or a folder of masks.'
        )
    return 'masks', []


def read_annotations(kind: str, files: list[str]) -> tuple[list[Annotated], list[str]]:
    """Return the annotated images, and the names of the classes in the order of the files."""
    try:
        found, names = READERS[kind](files)
        ''.join([*names, *(one.name for one in found)])  # else they are no names
        return found, names
    except MALFORMED as error:
        raise UserError(
            f'{files[0]} is not the {kind} file that it seems to be ({type(error).__name__}: '
            f'{error}): export it again.'
        ) from error


def _kind(path: str) -> str | None:
    if path.lower().endswith('.xml'):
        with open(path, 'rb') as file:
            return 'cvat' if b'<annotations' in file.read(4096) else None
    try:
        with open(path, encoding='utf-8') as file:
            content = json.load(file)
    except (OSError, ValueError, RecursionError) as error:
        raise UserError(f'{path} cannot be read as JSON ({error}): export it again.') from error
    if not isinstance(content, dict):
        return None
    for kind, keys in (
        ('labelme', {'shapes', 'imagePath'}),
        ('supervisely', {'objects', 'size'}),
        ('coco', {'images', 'annotations', 'categories'}),
    ):
        if keys <= content.keys():
            return kind
    return None
