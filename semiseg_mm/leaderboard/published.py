"""Scores that others published, each with its source: facts beside ours, never ranked with them."""

import csv
import re
from collections.abc import Iterable

from semiseg_mm.errors import UserError
from semiseg_mm.utils import nearest
from semiseg_mm.utils.places import MEASURED

COLUMNS = ('method', 'mIoU', 'split', 'protocol', 'network', 'backbone', 'crop', 'year', 'source')
NAMES = {  # of the datasets in records, where it is not the published one with capitals
    'pascalvoc': 'voc2012',
    'pascalvoc20': 'voc2012',
    'coco81': 'coco',
}
REPOSITORY = re.compile(r'github\.com/([\w.-]+/[\w.-]+)')
ARXIV = re.compile(r'arXiv:? ?(\d{4}\.\d{5})')
KINDS = {
    'official-readme': "authors' page",
    'official-log': "authors' log",
    'official-readme/log': "authors' page and log",
    'secondary': 'as quoted in',
    'aggregator': 'as listed by',
    'paper-text': 'paper',
    'paper-abstract': "paper's abstract",
}


def read_published() -> dict[str, list[dict[str, str]]]:
    """Return the scores of each dataset, the highest of a protocol and split first."""
    with open(MEASURED / 'published.csv', encoding='utf-8', newline='') as file:
        rows = [_row(row) for row in csv.DictReader(file)]
    found: dict[str, list[dict[str, str]]] = {}
    for row in sorted(rows, key=_order):
        found.setdefault(row['dataset'], []).append(row)
    return found


def _row(row: dict[str, str]) -> dict[str, str]:
    kind, _, place = row['source'].partition(':')
    venue = '' if row['venue'] == '-' else f'{row["venue"]} '
    return dict(
        row, mIoU=row['miou'], year=venue + row['year'], source=f'{KINDS[kind]}: {place}',
        link=_link(row['source']),
    )  # fmt: skip


def _link(source: str) -> str:
    repository, paper = REPOSITORY.search(source), ARXIV.search(source)
    if repository:
        return f'https://github.com/{repository[1]}'
    return f'https://arxiv.org/abs/{paper[1]}' if paper else ''


def _order(row: dict[str, str]) -> tuple:
    part = row['split'].split('/')
    share = 1 / float(part[1]) if len(part) == 2 and part[1].isdigit() else 2.0
    count = int(row['split']) if row['split'].isdigit() else 0
    return row['protocol'], share, count, -float(row['miou']), row['method'], row['source']


def published_on(names: Iterable[str], asked: Iterable[str]) -> dict[str, list[dict[str, str]]]:
    """Return published scores for the datasets of tables, and for those that are asked for."""
    known = read_published()
    chosen = [NAMES.get(name.lower(), name.lower()) for name in names]
    for name in asked:
        one = NAMES.get(name.lower(), name.lower())
        if one not in known:
            raise UserError(
                f'--published {name}: there are published scores for {", ".join(known)}.'
                + nearest(name, known)
            )
        chosen.append(one)
    return {name: known[name] for name in known if name in chosen}
