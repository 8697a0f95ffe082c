from .arguments import Arguments, arguments_of
from .atomic import atomic_path, atomic_write_text, make_folder
from .boxes import draw_box
from .buffers import average_buffers
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
from .gather import gather_rows
from .label_png import write_mask
from .random import preserved_rng, seed_all
from .records import check_record, read_lines, read_record
from .turns import turn_of
from .words import counted
from .wrapping import unwrapped

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
