"""From the results of a table to its rows: one for each method, network and config."""

from dataclasses import dataclass
from numbers import Real
from typing import Any

from semiseg_mm.records import network_order
from semiseg_mm.utils.spread import mean_std

from .gains import Gain, paired_gain
from .results import Result, config_of, setting_of
from .words import batch, said

YARDSTICK = 'SupOnly'
PLAIN = 'sup_only'  # the name of the yardstick's own configs
BASE = 'the yardstick'  # in the place of a gain
TELLING = {  # what tells two configs of a method apart, and how it is said
    'total_iterations': '{} iterations',
    'crop': 'crop {}',
    'batch': 'batch {}',
    'processes': 'processes {}',
    'precision': '{}',
    'config': '{}',
}


@dataclass(eq=False)
class Row:
    """One method, network and config, over the seeds that it was trained with."""

    results: list[Result]  # by seed
    variant: str = ''  # what tells it from other configs of the method
    rank: int | None = None  # of one network a method
    gain: Gain | None = None
    no_gain: str = ''  # why there is none

    @property
    def facts(self) -> dict:
        return self.results[0].facts

    @property
    def name(self) -> str:
        """The method; a training on the labels alone is called so, whatever its config is for."""
        method = self.facts['method']
        alone = self.facts['model'] == YARDSTICK and method != PLAIN
        return f'{method} ({YARDSTICK})' if alone else method

    @property
    def evaluated(self) -> str:
        return self.facts['evaluated']

    @property
    def is_yardstick(self) -> bool:
        return self.no_gain == BASE

    @property
    def key(self) -> tuple[str, str, str]:
        return self.name, self.evaluated, setting_of(self.facts)

    @property
    def scores(self) -> dict[int, float]:
        return {
            result.facts['seed']: result.score
            for result in self.results
            if result.facts['seed'] is not None
        }

    @property
    def last(self) -> tuple[float | None, float | None]:
        return mean_std([result.score for result in self.results])

    @property
    def best(self) -> tuple[float | None, float | None]:
        found = [one.best for one in self.results if one.best is not None]
        return mean_std(found) if len(found) == len(self.results) else (None, None)

    @property
    def one_machine(self) -> bool:
        """Whether time and memory of its runs can be taken together."""
        return len({(one.facts['device'], one.facts['threads']) for one in self.results}) == 1

    @property
    def seconds(self) -> float | None:
        return mean_std(self.each('seconds'))[0] if self.one_machine else None

    @property
    def memory(self) -> float | None:
        return max(self.each('memory_mb'), default=None) if self.one_machine else None

    @property
    def per_class(self) -> dict[str, float | None]:
        """Mean IoU of each class over the seeds that have one."""
        found: dict[str, list[float]] = {}
        for result in self.results:
            for name, iou in result.facts['per_class'].items():
                found.setdefault(name, []).extend([float(iou)] if isinstance(iou, Real) else [])
        return {name: mean_std(ious)[0] for name, ious in found.items()}

    def each(self, key: str) -> list[Any]:
        """Return the known values of a fact, one a seed."""
        return [one.facts[key] for one in self.results if one.facts[key] is not None]


def make_rows(results: list[Result]) -> list[Row]:
    """Return the rows of finished results, the best one first.

    One network a method is ranked, the one that stands first in `network_order`: to take the best
    one would be a choice by the evaluated images.
    """
    groups: dict[tuple, list[Result]] = {}
    for result in results:
        if result.finished:
            groups.setdefault(Row([result]).key, []).append(result)
    rows = [Row(sorted(own, key=_seed)) for own in groups.values()]
    rows.sort(key=lambda row: (-(row.last[0] or 0), row.key))
    ranked: dict[tuple, Row] = {}
    for row in sorted(rows, key=lambda row: network_order(row.evaluated)):
        ranked.setdefault((row.name, row.key[-1]), row)
    for row in ranked.values():
        row.rank = 1 + sum((o.last[0] or 0) > (row.last[0] or 0) for o in ranked.values())
    for row in rows:
        row.variant = _variant(row, [other for other in rows if other.key[:2] == row.key[:2]])
        row.gain, row.no_gain = _gain(row, rows)
    return rows


def _seed(result: Result) -> tuple:
    seed = result.facts['seed']
    return seed is None, seed or 0


def _variant(row: Row, same: list[Row]) -> str:
    """Say what tells a row from the other configs of its method; at least a part of the hash."""
    if len(same) == 1:
        return ''
    differing = [key for key in TELLING if any(o.facts[key] != row.facts[key] for o in same)]
    words = [TELLING[key].format(_told(row.facts, key)) for key in differing]
    alike = [o for o in same if all(o.facts[key] == row.facts[key] for key in differing)]
    if len(alike) > 1:
        words.append(said(config_of(row.facts)))
    return ', '.join(words)


def _told(facts: dict, key: str) -> str:
    return batch(facts) if key == 'batch' else said(facts[key])


def _gain(row: Row, rows: list[Row]) -> tuple[Gain | None, str]:
    """Compare with SupOnly of as many iterations, the same crop and as many labeled images."""
    bases = [other for other in rows if other.facts['model'] == YARDSTICK and other.rank]
    if not bases:
        return None, f'no {YARDSTICK} here'
    bases = [base for base in bases if _budget(base) == _budget(row)]
    if not bases:
        return None, f'no {YARDSTICK} with the same iterations, crop and labeled batch'
    plain = [base for base in bases if base.name == PLAIN]
    bases = bases if len(bases) == 1 else plain
    if row in bases:
        return None, BASE
    if len(bases) != 1:
        return None, f'several configs of {YARDSTICK} fit, so none is the yardstick'
    gain = paired_gain(row.scores, bases[0].scores)
    return gain, '' if gain else f'no seed in common with {YARDSTICK}'


def _budget(row: Row) -> tuple:
    return row.facts['total_iterations'], row.facts['crop'], row.facts['batch'].get('labeled')
