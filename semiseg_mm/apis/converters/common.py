"""What the converters share: parallel, atomic, and continued where they were stopped."""

import argparse
import os
import os.path as osp
from collections.abc import Callable, Sequence
from functools import partial

import numpy as np

from semiseg_mm.datasets.mask_reading import Job, run_all
from semiseg_mm.errors import UserError
from semiseg_mm.utils import write_mask


def converter_parser(description: str, out: str) -> argparse.ArgumentParser:
    """Arguments that every converter has; ``out`` is the default, its base config's data_root."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument('source', help='the folder as downloaded and unpacked')
    parser.add_argument('--out', default=out, metavar='FOLDER', help=f'default: {out}')
    parser.add_argument('--workers', type=int, metavar='N', help='default: one per core, up to 8')
    parser.add_argument('--overwrite', action='store_true', help='write label maps again')
    return parser


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
    todo = [job for job in jobs if overwrite or not osp.exists(job[1])]
    for folder in {osp.dirname(target) for _, target in todo}:
        os.makedirs(folder, exist_ok=True)
    run_all(Job(partial(_convert_one, todo, convert, palette), len(todo)), workers, title)
    return len(todo)


def _convert_one(jobs, convert, palette, index: int) -> None:
    source, target = jobs[index]
    try:
        write_mask(target, convert(source), palette)
    except UserError:
        raise
    except Exception as error:
        reason = f'{type(error).__name__}: {error}'
        raise UserError(f'{source} cannot be converted ({reason}).') from error
