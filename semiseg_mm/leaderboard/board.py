"""All that is shown: the tables with their rows, what is beside them, and what was left out."""

import os
import os.path as osp
from collections.abc import Iterable
from typing import NamedTuple

from semiseg_mm.errors import UserError
from semiseg_mm.records import read_records
from semiseg_mm.records.file import Record
from semiseg_mm.records.measured import find_records

from .notes import facts_of, notes_of
from .published import published_on
from .results import (
    METRIC,
    LeftOut,
    Result,
    find_results,
    is_test_of_a_stage,
    is_test_on_the_way,
)
from .rows import Row, make_rows
from .tables import Place, Table, make_tables
from .words import said

BESIDE_TITLE = {
    'encoder': 'encoder',
    'network_sha256': 'settings',
    'weights': 'weights',
    'images': 'images',
}
ON_THE_WAY = (
    'Tests of checkpoints on the way are in no table ({}). Test the checkpoint of the last '
    'iteration (iter_N.pth).'
)
OF_STAGES = (
    'Tests of checkpoints of stages are in no table ({}). Such a checkpoint knows the settings of '
    'its own stage, not those of the whole run. The result of a method in stages is the validation '
    "at the end of its last stage, in the records of the run's own folder."
)


class Section(NamedTuple):
    """A table with its rows, and what one must know to read it."""

    place: Place
    rows: list[Row]
    facts: list[tuple[str, str]]
    notes: list[str]
    unfinished: list[str]
    apart: str = ''  # what tells its network from that of another table

    @property
    def title(self) -> str:
        return _title(self.place) + self.apart

    @property
    def network(self) -> str:
        return self.place.network + self.apart

    @property
    def classes(self) -> list[str]:
        return list(dict.fromkeys(name for row in self.rows for name in row.per_class))

    def heat(self, iou: float) -> float:
        """Return where an IoU lies between the lowest and the highest of the table: 0 to 1."""
        known = [v for row in self.rows for v in row.per_class.values() if v is not None]
        low, high = min(known), max(known)
        return round((iou - low) / (high - low), 2) if high > low else 0.5


class Board(NamedTuple):
    """Everything on a page that lies in ``folder``."""

    folder: str
    sections: list[Section]
    left_out: list[LeftOut]
    remarks: list[str]
    published: dict[str, list[dict[str, str]]]

    def file_of(self, record: Record) -> str:
        """Return a record's file as seen from the page."""
        return relative(record.file, self.folder)

    def config_of(self, record: Record) -> str | None:
        """Return the config beside a record, as seen from the page; None if it is not there."""
        path = osp.join(osp.dirname(record.file), osp.basename(record.facts['config'] or ''))
        return relative(path, self.folder) if osp.isfile(path) else None

    def place_of(self, record: Record) -> str:
        return f'{self.file_of(record)}:{record.line}'

    def reason_of(self, one: LeftOut) -> list[str]:
        """Return a sentence for each fact in which a record differs."""
        other = f' ({self.place_of(one.instead)})' if one.instead else ''
        return [f'{d.fact}: {d.there}, not {d.here}{other}. {d.advice}' for d in one.differences]

    def reasons(self) -> list[str]:
        """Return all sentences, each with the place of its record."""
        return [
            f'{self.place_of(one.record)}: {sentence}'
            for one in self.left_out
            for sentence in self.reason_of(one)
        ]


def relative(path: str, folder: str) -> str:
    """Return a path as seen from a folder; an absolute one on another drive."""
    try:
        return osp.relpath(path, folder).replace(os.sep, '/')
    except ValueError:
        return path


def make_board(places: Iterable[str], folder: str, published: Iterable[str]) -> Board:
    """Read records, and find tables, rows and what is left out."""
    files = [find_records(place) for place in places]
    records, remarks = read_records(files, lambda path: relative(path, folder))
    on_the_way = [one for one in records if is_test_on_the_way(one.facts)]
    of_stages = [one for one in records if is_test_of_a_stage(one.facts)]
    remarks += _passed_over(on_the_way, ON_THE_WAY, folder)
    remarks += _passed_over(of_stages, OF_STAGES, folder)
    results, left_out = find_results(records)
    tables, others = make_tables(results)
    sections = [_section(table, tables) for table in tables]
    beside = published_on([table.place.dataset for table in tables], published)
    if not (tables or left_out or beside):
        raise UserError(
            f'{", ".join(places)}: there is no result yet. A training writes the first one at its '
            'first validation, a method in stages at the end of its last stage.'
            + ''.join(f'\n{remark}' for remark in remarks)
        )
    return Board(folder, sections, left_out + others, remarks, beside)


def _passed_over(tests: Iterable[Record], remark: str, folder: str) -> list[str]:
    """Say once which tests are in no table, and why."""
    names = [f'{relative(one.file, folder)}: {_tested(one.facts)}' for one in tests]
    found = '; '.join(dict.fromkeys(names))  # a test has a record for each network
    return [remark.format(found)] * bool(found)


def _tested(facts: dict) -> str:
    name = said(facts['checkpoint'])
    return name if facts['stage'] is None else f'{name} of the stage {facts["stage"]}'


def _title(place: Place) -> str:
    return f'{place.dataset}, {place.labeled} ({place.split}), {place.kind}, {place.network}'


def _apart(place: Place, tables: Iterable[Table]) -> str:
    """Say in what a place differs from others with the same title."""
    others = [table.place for table in tables if _title(table.place) == _title(place)]
    return ''.join(
        f', {name} {said(getattr(place, key))}'
        for key, name in BESIDE_TITLE.items()
        if len({getattr(other, key) for other in others}) > 1
    )


def _section(table: Table, tables: Iterable[Table]) -> Section:
    rows = make_rows(table.results)
    return Section(
        table.place,
        rows,
        facts_of(table),
        notes_of(table, rows),
        [_unfinished(result) for result in table.results if not result.finished],
        _apart(table.place, tables),
    )


def _unfinished(result: Result) -> str:
    facts = result.facts
    return (
        f'{facts["method"]} ({facts["evaluated"]}), seed {facts["seed"]}: not finished, '
        f'{METRIC} {result.score:.2f} at iteration {facts["iteration"]} of {facts["iterations"]}.'
    )
