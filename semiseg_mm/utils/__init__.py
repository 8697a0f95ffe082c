from importlib import import_module
from typing import Any

from .atomic import atomic_path, atomic_write_text, make_folder
from .boxes import draw_box
from .choices import (
    check_absent,
    check_choice,
    check_count,
    check_number,
    check_range,
    check_share,
    check_size,
    nearest,
)
from .label_png import write_mask
from .records import check_record, read_lines, read_record
from .turns import turn_of
from .words import counted

__all__ = [
    'Arguments',
    'arguments_of',
    'atomic_path',
    'atomic_write_text',
    'average_buffers',
    'check_absent',
    'check_choice',
    'check_count',
    'check_number',
    'check_range',
    'check_record',
    'check_share',
    'check_size',
    'counted',
    'draw_box',
    'gather_rows',
    'make_folder',
    'nearest',
    'preserved_rng',
    'read_lines',
    'read_record',
    'seed_all',
    'turn_of',
    'unwrapped',
    'write_mask',
]

WITH_TORCH = {  # imported when they are asked for: torch takes seconds, and not all need it
    'Arguments': 'arguments',
    'arguments_of': 'arguments',
    'average_buffers': 'buffers',
    'gather_rows': 'gather',
    'preserved_rng': 'random',
    'seed_all': 'random',
    'unwrapped': 'wrapping',
}


def __getattr__(name: str) -> Any:
    if name in WITH_TORCH:
        return getattr(import_module(f'{__name__}.{WITH_TORCH[name]}'), name)
    raise AttributeError(f'module {__name__!r} has no attribute {name!r}')
