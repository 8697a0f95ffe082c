"""Class weights that lie in a file."""

import json
import os.path as osp
from collections.abc import Sequence

import numpy as np

from semiseg_mm.errors import UserError


def read_class_weight(weights: Sequence[float] | str | None) -> Sequence[float] | None:
    """Read the numbers of a .npy or .json file; leave numbers as they are.

    mmseg reads pickles and yaml as well, and either can run code.
    """
    if not isinstance(weights, str):
        return weights
    path = osp.expanduser(weights)
    suffix = osp.splitext(path)[1].lower()
    if suffix not in ('.npy', '.json'):
        raise UserError(
            f'class_weight={weights} is not read: give a .npy or .json file, or the numbers '
            'themselves. Other files could run code.'
        )
    if not osp.isfile(path):
        raise UserError(f'class_weight={weights}: the file does not exist. Correct its path.')
    try:
        content = _read(path, suffix)
    except (OSError, ValueError, EOFError, MemoryError, RecursionError) as error:
        raise UserError(
            f'class_weight={weights} cannot be read ({error}): give a file with one number for '
            'each class.'
        ) from error
    if not isinstance(content, list) or any(type(item) not in (int, float) for item in content):
        raise UserError(f'class_weight={weights} is no list of numbers: give one for each class.')
    return content


def _read(path: str, suffix: str):
    if suffix == '.json':
        with open(path, encoding='utf-8') as file:
            return json.load(file)
    with open(path, 'rb') as file:  # np.load would take other formats as well
        return np.lib.format.read_array(file, allow_pickle=False).tolist()
