"""The records that come with the package: what was measured with its configs."""

import os.path as osp
from functools import lru_cache
from statistics import fmean, stdev
from typing import NamedTuple

from semiseg_mm.errors import UserError
from semiseg_mm.utils import nearest
from semiseg_mm.utils.places import MEASURED

from .file import NAME, read_records
from .form import network_order

FOLDER = MEASURED / 'records'  # of it: TABLE/METHOD/records.jsonl
YARDSTICK = 'sup_only'


class Row(NamedTuple):
    """Hold what one network of a method came to: a row of a table."""

    method: str
    evaluated: str
    facts: dict  # of its first seed
    scores: dict[int, float]  # the last mIoU of each seed, in percent

    @property
    def mean(self) -> float:
        return fmean(self.scores.values())

    @property
    def std(self) -> float:
        return stdev(self.scores.values())

    @property
    def spread(self) -> str:
        return f'{self.mean:.1f} ± {self.std:.1f}'


def tables() -> list[str]:
    return sorted(path.name for path in FOLDER.iterdir() if path.is_dir())


def find_records(place: str) -> str:
    """Return a file or folder as it is; the folder of a table if nothing here has its name."""
    if osp.exists(place):
        return place
    known = tables()
    if place not in known:
        raise UserError(
            f'{place} does not exist: name a file {NAME}, a folder that holds some, or a table '
            f'that comes with the package ({", ".join(known)}).{nearest(place, known)}'
        )
    return str(FOLDER / place)


@lru_cache
def measured(table: str) -> dict[str, list[Row]]:
    """Return the rows of each method, teachers before students.

    A network has a row if it was trained with two of the yardstick's seeds or more.
    """
    records, damaged = read_records([FOLDER / table])
    if damaged:
        raise UserError(f'{damaged[0]}. Take the file anew: git checkout {FOLDER / table}.')
    scores: dict[tuple, dict] = {}
    facts: dict[tuple, dict] = {}
    for record in sorted(records, key=lambda record: record.facts['seed']):
        found = record.facts
        key = found['method'], found['evaluated']
        scores.setdefault(key, {})[found['seed']] = found['scores']['mIoU']
        facts.setdefault(key, found)
    seeds = next((found.keys() for key, found in scores.items() if key[0] == YARDSTICK), None)
    if seeds is None:
        raise UserError(f'{FOLDER / table} has no {YARDSTICK}: a table needs its seeds.')
    rows: dict[str, list[Row]] = {}
    for key in sorted(scores, key=_order):
        own = {seed: scores[key][seed] for seed in seeds if seed in scores[key]}
        if len(own) > 1:
            rows.setdefault(key[0], []).append(Row(*key, facts[key], own))
    return rows


def _order(key: tuple[str, str]) -> tuple:
    method, evaluated = key
    return method, network_order(evaluated)
