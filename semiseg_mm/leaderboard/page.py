"""The page: one file that needs no other, no network and no JavaScript to be read."""

from pathlib import Path
from urllib.parse import quote

from semiseg_mm.page import render
from semiseg_mm.utils.spread import NO_VALUE
from semiseg_mm.utils.words import counted

from .board import Board, Section
from .columns import COLUMNS, devices_of, title_of
from .figures import BOTTOM, COLOURS, HEIGHT, LEFT, RIGHT, TOP, WIDTH, make_figures
from .notes import READING
from .published import COLUMNS as PUBLISHED
from .results import METRIC
from .words import said

TEMPLATE = Path(__file__).parent / 'templates/page.html'
NARROW = ('method', 'mIoU', 'split', 'backbone', 'source')  # of the published columns


def make_page(board: Board) -> str:
    datasets: dict[str, list[Section]] = {}
    for section in board.sections:
        datasets.setdefault(section.place.dataset, []).append(section)
    return render(
        TEMPLATE,
        board=board,
        datasets=datasets,
        figures=make_figures(board.sections),
        columns=COLUMNS,
        published_columns=PUBLISHED,
        narrow=NARROW,
        reading=READING,
        metric=METRIC,
        title_of=title_of,
        devices_of=devices_of,
        quoted=quote,
        said=said,
        counted=counted,
        iou=_iou,
        frame=dict(
            width=WIDTH, height=HEIGHT, left=LEFT, right=RIGHT, top=TOP, bottom=BOTTOM,
            colours=COLOURS,
        ),
    )  # fmt: skip


def _iou(value: float | None) -> str:
    return NO_VALUE if value is None else f'{value:.1f}'
