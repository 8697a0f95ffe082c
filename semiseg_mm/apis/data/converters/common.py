"""What the converters share: parallel, atomic, and continued where they were stopped."""

import os
import os.path as osp
import shutil
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache, partial

import cv2
import numpy as np
from PIL import Image

from semiseg_mm.datasets.mask_reading import Job, run_all
from semiseg_mm.errors import UserError
from semiseg_mm.utils import atomic_path, write_mask

UNKNOWN = -1


def need_folder(*parts: str, what: str) -> str:
    """A folder (or file) that must be there, or one sentence about what belongs in it."""
    path = osp.join(*parts)
    if not osp.exists(path):
        raise UserError(f'{path} does not exist: {what} should be there.')
    return path


def convert_masks(
    jobs: Sequence[tuple[str, str]],
    convert: Callable[[str], np.ndarray],
    palette: Sequence[Sequence[int]] | None = None,
    workers: int | None = None,
    overwrite: bool = False,
    title: str = 'label maps',
) -> int:
    """Write ``convert(source)`` to ``target`` for each (source, target); returns how many.

    Targets that are there already are left alone: an interrupted call goes on.
    """
    write = partial(_write_converted, convert=convert, palette=palette)
    return _make_all(jobs, write, workers, overwrite, title)


def copy_images(
    jobs: Sequence[tuple[str, str]], workers: int | None = None, overwrite: bool = False
) -> int:
    """Copy images, as they are or, where the suffix changes, as PNG; returns how many."""
    return _make_all(jobs, _copy_image, workers, overwrite, 'images')


def link_folder(source: str, out: str, name: str) -> None:
    """Make ``out/name`` stand for ``source/name`` without a copy. A folder there already stays."""
    origin = osp.abspath(need_folder(source, name, what='a folder of images'))
    target = osp.join(out, name)
    try:
        if not osp.exists(target):
            os.makedirs(osp.dirname(target), exist_ok=True)
            os.symlink(origin, target, target_is_directory=True)
    except OSError as error:
        raise UserError(
            f'{target} could not be made a link to {origin} ({error}): copy the folder there.'
        ) from error


def find_root(source: str, marker: str, inside: Sequence[str], what: str) -> str:
    """``source``, or the first of the folders in it that holds ``marker``."""
    for folder in ('', *inside):
        if osp.exists(osp.join(source, folder, marker)):
            return osp.normpath(osp.join(source, folder))
    raise UserError(f'{source} holds no {marker}: name the folder into which {what} was unpacked.')


def report(out: str, written: int, total: int, config: str) -> None:
    print(f'{out}: {total} label maps, {written} of them written now. Config: {config}')


# ------------------------------------------------------------------ masks


def read_mask(path: str) -> np.ndarray:
    """A mask as it is stored: ids (H,W), also those of a palette PNG, or colours (H,W,3, RGB)."""
    with Image.open(path) as image:
        mask = np.asarray(image.convert('L') if image.mode == '1' else image)
    return mask[..., :3] if mask.ndim == 3 else mask


def map_ids(mask: np.ndarray, ids: Mapping[int, int], path: str) -> np.ndarray:
    """Ids (H,W) by a table; a value that it lacks names the file and stops the conversion."""
    if mask.ndim != 2:
        raise UserError(f'{path} is no mask of ids: it has {mask.shape[-1]} channels.')
    table = np.full(max(256, int(mask.max(initial=0)) + 1), UNKNOWN, np.int16)
    table[list(ids)] = list(ids.values())
    labels = table[mask]
    if (labels == UNKNOWN).any():
        raise UserError(
            f'{path} holds the value {mask[labels == UNKNOWN].flat[0]}, which is none of the '
            "dataset's ids: unpack the file again, or leave it out."
        )
    return labels


def map_colours(
    mask: np.ndarray, colours: Mapping[tuple[int, int, int], int], path: str
) -> np.ndarray:
    """Colours (H,W,3, RGB) by a table; one that it lacks names the file and stops it."""
    if mask.ndim != 3:
        raise UserError(f'{path} is no mask of colours: it has one channel.')
    packed = mask.astype(np.int32) @ np.array([65536, 256, 1], np.int32)  # H,W
    labels = _colour_table(tuple(colours.items()))[packed]
    if (labels == UNKNOWN).any():
        y, x = np.argwhere(labels == UNKNOWN)[0].tolist()
        raise UserError(
            f'{path} holds the colour {tuple(mask[y, x].tolist())} (row {y}, column {x}), which is '
            "none of the dataset's: unpack the file again, or leave it out."
        )
    return labels


@lru_cache(maxsize=1)
def _colour_table(colours: tuple) -> np.ndarray:
    table = np.full(1 << 24, UNKNOWN, np.int16)
    for (red, green, blue), label in colours:
        table[65536 * red + 256 * green + blue] = label
    return table


# ------------------------------------------------------------------ files


def _make_all(jobs, write, workers, overwrite, title) -> int:
    todo = [job for job in jobs if overwrite or not osp.exists(job[1])]
    try:
        for folder in {osp.dirname(target) for _, target in todo}:
            os.makedirs(folder, exist_ok=True)
    except OSError as error:
        raise UserError(f'A folder could not be made ({error}): choose another --out.') from error
    run_all(Job(partial(_make_one, todo, write), len(todo)), workers, title)
    return len(todo)


def _make_one(jobs, write, index: int) -> None:
    source, target = jobs[index]
    try:
        write(source, target)
    except UserError:
        raise
    except Exception as error:
        reason = f'{type(error).__name__}: {error}'
        raise UserError(f'{source} cannot be converted ({reason}).') from error


def _write_converted(source: str, target: str, convert, palette) -> None:
    write_mask(target, convert(source), palette)


def _copy_image(source: str, target: str) -> None:
    if osp.splitext(source)[1].lower() == osp.splitext(target)[1].lower():
        with atomic_path(target) as part:
            shutil.copyfile(source, part)
        return
    image = cv2.imread(source, cv2.IMREAD_COLOR)
    if image is None:
        raise UserError(f'{source} does not decode: unpack it again, or leave it out.')
    with atomic_path(target) as part, open(part, 'wb') as file:
        file.write(cv2.imencode('.png', image)[1].tobytes())
