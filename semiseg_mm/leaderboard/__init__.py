"""One page of all results: tables of runs that were measured alike, and what was left out.

Nothing here imports torch.
"""

import os.path as osp
import sys

from semiseg_mm.errors import UserError
from semiseg_mm.parsers import leaderboard as parsers
from semiseg_mm.utils.atomic import atomic_write_text, make_folder
from semiseg_mm.utils.places import short_path
from semiseg_mm.utils.words import counted

from .board import Board, make_board
from .page import make_page
from .texts import make_csv, make_markdown

__all__ = ['run_leaderboard']

FILES = {
    'index.html': make_page,
    'leaderboard.md': make_markdown,
    'leaderboard.csv': make_csv,
}


def run_leaderboard(argv: list[str] | None = None) -> int:
    parser = parsers.leaderboard()
    args = parser.parse_args(argv)
    if not args.records and not args.published:
        parser.error('name files or folders of records, or a dataset with --published')
    try:
        board = make_board(args.records, osp.abspath(args.out), args.published)
        _write(board, args.out)
    except UserError as error:
        print(f'\nerror: {error}', file=sys.stderr)
        return 1
    return _tell(board)


def _write(board: Board, out: str) -> None:
    make_folder(out)
    for name, make in FILES.items():
        atomic_write_text(osp.join(out, name), make(board))


def _tell(board: Board) -> int:
    """Say what was written, and what was left out; the exit status is 1 if anything was."""
    for remark in board.remarks:
        print(remark)
    for section in board.sections:
        rows = counted(len(section.rows), 'row')
        print(f'{section.title}: {rows}' + ', unfinished runs as well' * bool(section.unfinished))
    for name in FILES:
        print(f'Written: {short_path(osp.join(board.folder, name))}')
    for line in board.reasons():
        print(f'left out: {line}', file=sys.stderr)
    return 1 if board.left_out else 0
