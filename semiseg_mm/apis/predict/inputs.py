from __future__ import annotations

import glob
import os.path as osp
from collections.abc import Sequence
from typing import NamedTuple

from semiseg_mm.datasets.identity import fixed_part, image_id
from semiseg_mm.datasets.unlabeled import IMAGE_SUFFIXES, UnlabeledDataset, images_below
from semiseg_mm.errors import UserError

from .outputs import FOLDERS

VIDEO_SUFFIXES = ('.mp4', '.avi', '.mov', '.mkv', '.webm', '.m4v', '.mpg', '.mpeg', '.wmv')


class Inputs(NamedTuple):
    images: dict[str, str]  # name, without suffix, and file or address
    videos: dict[str, str]
    left_out: list[str]  # files of a folder or glob that are neither


class ImageFiles(UnlabeledDataset):
    """Images by their paths, which may lie anywhere."""

    def __init__(self, files: Sequence[str], **kwargs) -> None:
        self.files = list(files)
        super().__init__(img_path='', **kwargs)

    def load_data_list(self) -> list[dict]:
        return [dict(img_path=path) for path in self.files]


def find_inputs(sources: Sequence[str], out: str | None = None) -> Inputs:
    """Return what images and videos are meant: files, folders, globs, addresses.

    An image of a folder is named by its path below it, any other by its own name. What lies below
    ``out``, where an earlier call has written, is no input of a folder or glob around it.
    """
    found = Inputs({}, {}, [])
    for source in sources:
        paths, root = _paths(source)
        if out is not None:
            paths = _unlike_outputs(source, paths, root, out)
        for path in paths:
            kind = path.split('?')[0].lower() if '://' in path else path.lower()
            if kind.endswith(VIDEO_SUFFIXES):
                _claim(found.videos, path, root)
            elif kind.endswith(IMAGE_SUFFIXES):
                _claim(found.images, path, root)
            elif len(sources) == 1 and len(paths) == 1 and '://' not in path:
                raise UserError(
                    f'{path} is neither an image ({", ".join(IMAGE_SUFFIXES)}) nor a video '
                    f'({", ".join(VIDEO_SUFFIXES)}).'
                )
            else:
                found.left_out.append(path)
    if not (found.images or found.videos):
        raise UserError(f'No image and no video in {", ".join(sources)}.')
    return found


def _paths(source: str) -> tuple[list[str], str]:
    """The files of a source, and the folder that their names do not repeat."""
    if '://' in source:
        return [source], osp.dirname(source.split('?')[0])
    if osp.isdir(source):
        return sorted(_below(source)), source
    if osp.exists(source):
        return [source], osp.dirname(source)
    if glob.has_magic(source):
        paths = sorted(p for p in glob.glob(source, recursive=True) if osp.isfile(p))
        if paths:
            return paths, fixed_part(source)
    raise UserError(f'{source}: there is no such file, folder or glob.')


def _unlike_outputs(source: str, paths: list[str], root: str, out: str) -> list[str]:
    """Leave out what an earlier call wrote: the same call shall find the same images."""
    if is_below(root, out):
        if osp.isdir(source) and is_below(out, root):
            raise UserError(f'--out {out} is the folder of the images: name another, or one in it.')
        places = [osp.join(out, kind) for kind in FOLDERS]
    else:
        places = [out] if is_below(out, root) else []
    places = [place for place in places if osp.isdir(place) and not is_below(root, place)]
    return [path for path in paths if not any(is_below(path, place) for place in places)]


def is_below(path: str, folder: str) -> bool:
    """Whether a path is a folder or lies below it, links followed."""
    path, folder = osp.realpath(path), osp.realpath(folder)
    return osp.join(path, '').startswith(osp.join(folder, ''))


def _below(folder: str) -> list[str]:
    """Images, and files that are none: for videos, and to say what is left out."""
    images = list(images_below(folder))
    others = glob.glob(osp.join(glob.escape(folder), '**'), recursive=True)
    return images + [p for p in others if osp.isfile(p) and not p.lower().endswith(IMAGE_SUFFIXES)]


def _claim(names: dict[str, str], path: str, root: str) -> None:
    name = image_id(path.split('?')[0] if '://' in path else path, root).lstrip('/')
    other = names.setdefault(name, path)
    if other != path:
        raise UserError(
            f'{other} and {path} would both be written as {name}: predict them by calls with '
            'different --out, or rename one of them.'
        )
