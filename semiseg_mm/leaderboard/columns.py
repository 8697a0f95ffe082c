"""The columns of a table, for people and for programs."""

from collections.abc import Callable
from typing import NamedTuple

from semiseg_mm.utils.spread import NO_VALUE, spread

from .results import METRIC
from .rows import YARDSTICK, Row
from .words import batch, said


class Column(NamedTuple):
    """A column for people.

    Args:
        value: What the column is sorted by.
        wide: Whether it is left out where the screen is narrow.
        more: What else is said in small letters.
    """

    name: str
    text: Callable[[Row], str]
    value: Callable[[Row], str | float | None]
    wide: bool = False
    more: Callable[[Row], str] = lambda row: ''


def title_of(row: Row) -> str:
    return f'{row.name} ({row.variant})' if row.variant else row.name


def _gain(row: Row) -> str:
    return spread(row.gain.mean, row.gain.std, '+') if row.gain else NO_VALUE


def _sureness(row: Row) -> str:
    """Return p and the number of pairs; or why there is no gain."""
    if row.gain is None:
        return row.no_gain
    count = f'n = {row.gain.pairs}'
    if row.gain.p is None:
        return count
    return f'{"p < 0.001" if row.gain.p < 0.001 else f"p = {row.gain.p:.3f}"}, {count}'


def _number(value: float | None) -> str:
    return NO_VALUE if value is None else f'{value:.0f}'


def _crop(row: Row) -> str:
    return said(row.facts['crop']) if row.facts['crop'] else NO_VALUE


def _batch(row: Row) -> str:
    return batch(row.facts)


def _seeds(row: Row) -> str:
    return ', '.join(said(result.facts['seed']) for result in row.results)


def devices_of(row: Row) -> str:
    return ', '.join(sorted({str(name) for name in row.each('device')})) or NO_VALUE


COLUMNS = [
    Column('rank', lambda row: _number(row.rank), lambda row: row.rank),
    Column('method', title_of, title_of),
    Column('network', lambda row: row.evaluated, lambda row: row.evaluated, wide=True),
    Column(
        'iterations',
        lambda row: _number(row.facts['total_iterations']),
        lambda row: row.facts['total_iterations'],
        wide=True,
    ),
    Column('crop', _crop, _crop, wide=True),
    Column('batch', _batch, _batch, wide=True),
    Column('seeds', lambda row: str(len(row.results)), lambda row: len(row.results), True, _seeds),
    Column(f'{METRIC} (last)', lambda row: spread(*row.last), lambda row: row.last[0]),
    Column(
        f'over {YARDSTICK}', _gain, lambda row: row.gain and row.gain.mean, more=_sureness
    ),
    Column(f'{METRIC} (best)', lambda row: spread(*row.best), lambda row: row.best[0], wide=True),
    Column('seconds', lambda row: _number(row.seconds), lambda row: row.seconds, wide=True),
    Column('MB', lambda row: _number(row.memory), lambda row: row.memory, wide=True),
    Column('device', devices_of, devices_of, wide=True),
]  # fmt: skip


def raw(row: Row) -> dict:
    """Return a row for programs: numbers as they are, None where there is none."""
    facts, gain = row.facts, row.gain
    return dict(
        rank=row.rank,
        method=facts['method'],
        variant=row.variant,
        evaluated=row.evaluated,
        model=facts['model'],
        config=facts['config'],
        config_sha256=facts['config_sha256'],
        total_iterations=facts['total_iterations'],
        crop=_crop(row),
        batch_labeled=facts['batch'].get('labeled'),
        batch_unlabeled=facts['batch'].get('unlabeled'),
        precision=facts['precision'],
        seeds=' '.join(map(str, row.scores)),
        last=row.last[0],
        last_std=row.last[1],
        gain=gain and gain.mean,
        gain_std=gain and gain.std,
        gain_pairs=gain and gain.pairs,
        gain_p=gain and gain.p,
        no_gain=row.no_gain,
        best=row.best[0],
        best_std=row.best[1],
        seconds=row.seconds,
        memory_mb=row.memory,
        devices=devices_of(row),
    )
