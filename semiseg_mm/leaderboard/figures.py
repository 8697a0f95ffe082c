"""Accuracy against the number of labels: where a dataset and network have several."""

import math
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from .board import Section
from .columns import title_of
from .rows import YARDSTICK, Row
from .tables import Place

WIDTH, HEIGHT = 480, 300
LEFT, RIGHT, TOP, BOTTOM = 46, 14, 12, 44
COLOURS = 8


class Point(NamedTuple):
    x: float
    y: float
    low: float
    high: float
    text: str


class Line(NamedTuple):
    name: str
    number: int  # of the method, which decides colour and dashes
    points: list[Point]

    @property
    def path(self) -> str:
        return ' '.join(f'{point.x},{point.y}' for point in self.points)


class Tick(NamedTuple):
    place: float
    text: str


class Figure(NamedTuple):
    title: str
    lines: list[Line]
    across: list[Tick]
    up: list[Tick]


def make_figures(sections: Iterable[Section]) -> dict[str, list[Figure]]:
    """Return the figures of each dataset; those with two counts of labels or more."""
    groups: dict[tuple, list[Section]] = {}
    for section in sections:
        groups.setdefault(_group(section.place), []).append(section)
    found: dict[str, list[Figure]] = {}
    for own in groups.values():
        series = _series(own)
        if len({section.place.labels for section in own}) > 1 and series:
            found.setdefault(own[0].place.dataset, []).append(_figure(own[0].place, series))
    return found


def _group(place: Place) -> tuple:
    """All of a place but the number of labels; lists of one family belong together."""
    family = place.split.rsplit(' ', 1)[0]
    return place._replace(labels=0, split=family if place.split.count(' ') > 1 else place.split)


def _series(sections: Sequence[Section]) -> dict[str, list[tuple[int, Row]]]:
    """Return the ranked row of each method by labels; two configs in one table are two lines.

    A single point is no line; those of trainings on the labels alone are shown beside lines.
    """
    found: dict[str, list[tuple[int, Row]]] = {}
    for section in sections:
        for row in section.rows:
            if section.place.labels and row.rank:
                found.setdefault(_name(row, sections), []).append((section.place.labels, row))
    lines = {name: own for name, own in found.items() if len(own) > 1}
    alone = {n: own for n, own in found.items() if own[0][1].facts['model'] == YARDSTICK and lines}
    return dict(sorted({**alone, **lines}.items()))


def _name(row: Row, sections: Sequence[Section]) -> str:
    """Return the shortest name of a row's line that names one row of each table at most."""

    def short(one: Row) -> str:
        return f'{one.name}, {one.evaluated}'

    def longer(one: Row) -> str:
        return f'{short(one)}, {one.facts["total_iterations"]} iterations'

    for name in (short, longer):
        counts = [[name(one) for one in section.rows].count(name(row)) for section in sections]
        if max(counts) == 1:
            return name(row)
    return f'{title_of(row)}, {row.evaluated}'


def _figure(place: Place, series: dict[str, list[tuple[int, Row]]]) -> Figure:
    counts = sorted({labels for points in series.values() for labels, _ in points})
    ends = [_ends(row) for points in series.values() for _, row in points]
    steps = _steps(min(low for low, _ in ends), max(high for _, high in ends))

    def across(labels: float) -> float:
        low, high = math.log(counts[0]), math.log(counts[-1])
        share = (math.log(labels) - low) / (high - low) if high > low else 0.5
        return round(LEFT + 12 + share * (WIDTH - LEFT - RIGHT - 24), 1)

    def up(score: float) -> float:
        share = (score - steps[0]) / (steps[-1] - steps[0])
        return round(HEIGHT - BOTTOM - share * (HEIGHT - TOP - BOTTOM), 1)

    lines = []
    for number, (name, points) in enumerate(series.items()):
        drawn = []
        for labels, row in sorted(points, key=lambda one: one[0]):
            low, high = _ends(row)
            text = f'{name}, {labels} labels: {(low + high) / 2:.2f}'
            drawn.append(Point(across(labels), up((low + high) / 2), up(low), up(high), text))
        lines.append(Line(name, number, drawn))
    return Figure(
        f'{place.dataset}, {place.network}, {place.kind}',
        lines,
        [Tick(across(count), str(count)) for count in counts],
        [Tick(up(step), f'{step:g}') for step in steps],
    )


def _ends(row: Row) -> tuple[float, float]:
    mean, std = row.last
    return (mean or 0) - (std or 0), (mean or 0) + (std or 0)


def _steps(low: float, high: float) -> list[float]:
    """Return round numbers that hold all scores between them."""
    step = next(s for s in (0.5, 1, 2, 5, 10, 20, 50) if (high - low) / s <= 5 or s == 50)
    first, last = math.floor(low / step), max(math.ceil(high / step), math.floor(low / step) + 1)
    return [number * step for number in range(first, last + 1)]
