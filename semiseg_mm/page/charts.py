"""Draws curves as SVG, small enough for a phone; a script of the page may show values."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup, escape

COLOURS = 8  # of the style: --c0, --c1, …
WIDTH, HEIGHT = 360, 200
LEFT, RIGHT, TOP, BOTTOM = 46, 8, 8, 22  # around the curves
Points = tuple[Sequence[float], Sequence[float]]


def line_chart(title: str, lines: Mapping[str, Points], end: float = 0) -> Markup:
    """Return a figure with a curve for each name, from 0 on; what is not finite leaves a gap.

    Args:
        end: The chart reaches to it, though the curves may not.
    """
    lines = {name: ([float(x) for x in at], [float(y) for y in values])
             for name, (at, values) in lines.items()}  # fmt: skip
    places = [x for at, _ in lines.values() for x in at]
    heights = [y for _, values in lines.values() for y in values if math.isfinite(y)]
    if not places or not heights:
        return Markup('<figure class="chart"><h3>{}</h3><p class="soft">No finite value.</p>'
                      '</figure>').format(title)  # fmt: skip
    across, up = _Axis([0, end, *places], LEFT, WIDTH - RIGHT), _Axis(heights, HEIGHT - BOTTOM, TOP)
    parts = _grid(across, up)
    for k, (at, values) in enumerate(lines.values()):
        parts.append(_curve(at, values, across, up, k))
    label = f'{title}: {", ".join(lines)}'
    svg = (
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(label)}">'
        f'{"".join(parts)}</svg>'
    )
    return Markup(
        f'<figure class="chart" data-lines="{escape(_data(lines, across))}"><h3>{escape(title)}'
        f'</h3>{svg}{_legend(lines)}</figure>'
    )


class _Axis:
    """Turns values into places between two ends, with round numbers marked."""

    def __init__(self, values: Sequence[float], start: float, end: float) -> None:
        low, high = min(values), max(values)
        if low == high:
            low, high = low - (abs(low) or 1) / 2, high + (abs(high) or 1) / 2
        self.step = _round_step((high - low) / 4)
        self.low = math.floor(low / self.step) * self.step if start > end else low
        self.high = math.ceil(high / self.step) * self.step if start > end else high
        self.start, self.scale = start, (end - start) / (self.high - self.low)

    def __call__(self, value: float) -> float:
        return round(self.start + (value - self.low) * self.scale, 1)

    def marks(self) -> list[float]:
        first, last = math.ceil(self.low / self.step), math.floor(self.high / self.step + 1e-9)
        return [k * self.step for k in range(first, last + 1)]


def _round_step(least: float) -> float:
    unit = 10.0 ** math.floor(math.log10(least))
    return next(unit * k for k in (1, 2, 5, 10) if unit * k >= least * 0.999)


def _grid(across: _Axis, up: _Axis) -> list[str]:
    parts = []
    for value in up.marks():
        y = up(value)
        parts.append(f'<path class="grid" d="M{LEFT} {y}H{WIDTH - RIGHT}"/>')
        parts.append(f'<text x="{LEFT - 5}" y="{y + 4}" text-anchor="end">{number(value)}</text>')
    for value in across.marks():
        x = across(value)
        anchor = 'end' if x > WIDTH - 30 else 'middle'
        parts.append(
            f'<text x="{x}" y="{HEIGHT - 6}" text-anchor="{anchor}">{number(value)}</text>'
        )
    return parts


def _curve(at: Sequence[float], values: Sequence[float], across: _Axis, up: _Axis, k: int) -> str:
    words, drawn = [], False
    for x, y in zip(at, values):
        if math.isfinite(y):
            words.append(f'{"L" if drawn else "M"}{across(x)} {up(y)}')
        drawn = math.isfinite(y)
    dash = f' stroke-dasharray="{2 + 3 * (k // COLOURS)} 3"' if k >= COLOURS else ''
    path = f'<path style="stroke:{_colour(k)}"{dash} d="{"".join(words)}"/>'
    if len(at) > 20:
        return path
    dots = (
        f'<circle cx="{across(x)}" cy="{up(y)}" r="2.4" style="fill:{_colour(k)}"/>'
        for x, y in zip(at, values)
        if math.isfinite(y)
    )
    return path + ''.join(dots)


def _legend(lines: Mapping[str, Points]) -> str:
    items = []
    for k, (name, (_, values)) in enumerate(lines.items()):
        items.append(
            f'<li><i style="background:{_colour(k)}"></i>{escape(name)} '
            f'<output>{number(values[-1])}</output></li>'
        )
    return f'<ul class="legend">{"".join(items)}</ul>'


def _data(lines: Mapping[str, Points], across: _Axis) -> str:
    """Return what the page's script needs: iterations, places and values of each curve."""
    table: list[dict[str, Any]] = [
        dict(at=at, x=[across(x) for x in at], text=[number(y) for y in values])
        for at, values in lines.values()
    ]
    return json.dumps(table, separators=(',', ':'))


def _colour(k: int) -> str:
    return f'var(--c{k % COLOURS})'


def number(value: float) -> str:
    """Return a number as it is read easily: three or four digits, no needless zeros."""
    if not math.isfinite(value):
        return str(value)
    if value == int(value) and abs(value) < 1e7:
        return str(int(value))
    return f'{value:.4g}'
