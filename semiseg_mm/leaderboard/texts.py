"""The tables as Markdown, for a repository's browser, and as CSV, for programs."""

import csv
import io
import re
from collections.abc import Iterable, Sequence
from typing import Any

from semiseg_mm.utils.words import counted

from .board import Board, Section
from .columns import COLUMNS, Column, raw
from .notes import READING
from .published import COLUMNS as PUBLISHED
from .rows import Row

FORMULA = re.compile(r'[=+\-@].')


def make_markdown(board: Board) -> str:
    parts = ['# Leaderboard']
    for section in board.sections:
        parts += [f'## {_escaped(section.title)}', *_section(section)]
    for dataset, rows in board.published.items():
        parts += [
            f'## Published by others on {dataset}',
            'With other settings than ours, and chosen in other ways: never ranked with ours.',
            f'<details><summary>{counted(len(rows), "score")}</summary>',
            _table(PUBLISHED, ([row[name] for name in PUBLISHED] for row in rows)),
            '</details>',
        ]
    if board.left_out or board.remarks:
        parts += ['## Left out, and why', _items([*board.reasons(), *board.remarks])]
    if board.sections:
        parts += ['## How to read it', _items(READING)]
    return '\n\n'.join(parts) + '\n'


def _section(section: Section) -> list[str]:
    facts = [f'{name}: {value}' for name, value in section.facts if value]
    rows = [[_with_more(column, row) for column in COLUMNS] for row in section.rows]
    parts = [_items(facts)]
    if rows:
        parts.append(_table([column.name for column in COLUMNS], rows))
    notes = [*section.notes, *section.unfinished]
    return [*parts, _items(notes)] if notes else parts


def _with_more(column: Column, row: Row) -> str:
    more = column.more(row)
    return f'{column.text(row)} ({more})' if more else column.text(row)


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ['--'] * len(head), *rows]
    return '\n'.join(f'| {" | ".join(_cell(cell) for cell in line)} |' for line in lines)


def _items(lines: Iterable[str]) -> str:
    return '\n'.join(f'- {_escaped(line)}' for line in lines)


def _cell(text: str) -> str:
    return text if text == '--' else _escaped(text).replace('|', r'\|')


def _escaped(text: str) -> str:
    """Keep a browser from reading a name as HTML, or as emphasis."""
    return re.sub(r'([\\`*_<>\[\]])', r'\\\1', ' '.join(text.split()))


def _inert(value: Any) -> Any:
    """Keep a spreadsheet from taking a text for a formula."""
    return f"'{value}" if isinstance(value, str) and FORMULA.match(value) else value


def make_csv(board: Board) -> str:
    file = io.StringIO()
    lines = [{**s.place._asdict(), **raw(row)} for s in board.sections for row in s.rows]
    lines = [{name: _inert(value) for name, value in line.items()} for line in lines]
    if lines:
        writer = csv.DictWriter(file, list(lines[0]), lineterminator='\n')
        writer.writeheader()
        writer.writerows(lines)
    return file.getvalue()
