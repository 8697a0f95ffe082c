"""What a section of a report is made of; the template says how each kind looks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from markupsafe import Markup


class Section(NamedTuple):
    title: str
    blocks: Sequence[Any]


class Note(NamedTuple):
    """A sentence; ``look`` is 'plain', 'soft', 'note' or 'note warning'."""

    text: str
    look: str = 'plain'
    kind: str = 'note'


class Heading(NamedTuple):
    text: str
    kind: str = 'heading'


class Facts(NamedTuple):
    rows: Sequence[tuple[str, Any]]
    kind: str = 'facts'


class Bar(NamedTuple):
    """A cell of a table: a share of the full length, and its words."""

    share: float
    text: str


class Number(NamedTuple):
    """A cell of a table: a number as it is to be read."""

    digits: str


class Table(NamedTuple):
    """Cells are words, numbers (to the right) or bars; None is shown as a dash."""

    head: Sequence[str]
    rows: Sequence[Sequence[Any]]
    caption: str = ''
    kind: str = 'table'


class Charts(NamedTuple):
    figures: Sequence[Markup]
    kind: str = 'charts'


class Figure(NamedTuple):
    """One picture of full width: its address (``data:…``) and words below it."""

    address: str
    caption: str
    kind: str = 'figure'


class Panels(NamedTuple):
    """One image in several pictures, beside each other: caption and address of each."""

    name: str
    pictures: Sequence[tuple[str, str]]


class Gallery(NamedTuple):
    images: Sequence[Panels]
    pixels: bool = False  # whether small pictures are shown with their pixels
    kind: str = 'gallery'


class Legend(NamedTuple):
    """Classes with their colours (red, green, blue)."""

    classes: Sequence[tuple[str, Sequence[int]]]
    kind: str = 'legend'


class Text(NamedTuple):
    """A long text that opens on demand."""

    title: str
    text: str
    kind: str = 'text'
