"""What may stand in one table: runs that were measured on the same images in the same way."""

import json
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from semiseg_mm.utils.words import counted

from .results import Difference, LeftOut, Result
from .words import said

OWN_LIST = 'own list'
FACTS = {  # what must agree: path in the record, its name in words, and what to do
    'split.labeled': ('list of labeled images', 'Train on the same labeled images.'),
    'split.masks': ('masks of the labeled images', 'Train on the same masks.'),
    'network.weights_sha256': (
        'weights that the encoder began with',
        'Begin with the same file of weights.',
    ),
    'evaluation.list': ('list of evaluated images', 'Evaluate on the same images.'),
    'evaluation.masks': ('masks of the evaluated images', 'Evaluate with the same masks.'),
}
WHERE_KNOWN = {  # of these, a record may say nothing
    'split.unlabeled': ('list of unlabeled images', 'Train with the same unlabeled images.'),
    'per_class': ('classes', 'Evaluate with the same classes.'),
}
MANNER = 'Evaluate in the same way (semiseg_mm test with the same test_cfg and transforms).'
ELSEWHERE = ', or call leaderboard for such records alone.'


class Place(NamedTuple):
    """What a table stands for."""

    dataset: str
    split: str
    labels: int | None
    network: str
    network_sha256: str | None  # of its settings: widths, strides, heads
    encoder: str | None
    weights: str | None
    kind: str
    images: int | None

    @property
    def labeled(self) -> str:
        return 'labels unknown' if self.labels is None else counted(self.labels, 'label')


class Table(NamedTuple):
    place: Place
    results: list[Result]
    agreed: dict[str, Any]  # by the facts' paths, those of the evaluation and of lists


def place_of(facts: dict) -> Place:
    network = facts['network']
    return Place(
        facts['dataset'] or 'a dataset without a name',
        facts['split'].get('name') or OWN_LIST,
        facts['labels'],
        network.get('name') or 'a network without a name',
        network.get('sha256'),
        network.get('encoder'),
        network.get('weights'),
        facts['kind'],
        facts['evaluation'].get('images'),
    )


def make_tables(results: Iterable[Result]) -> tuple[list[Table], list[LeftOut]]:
    """Put each result into its table; return the tables in order, and what disagrees."""
    groups: dict[Place, list[Result]] = {}
    for result in results:
        groups.setdefault(place_of(result.facts), []).append(result)
    tables, left_out = [], []
    for place in sorted(groups, key=_order):
        table, others = _agreeing(place, groups[place])
        tables.append(table)
        left_out += others
    return tables, left_out


def _order(place: Place) -> tuple:
    return place.dataset, place.labels or 0, *map(str, place)


def _agreeing(place: Place, results: list[Result]) -> tuple[Table, list[LeftOut]]:
    """Keep what the most runs have, fact by fact; of as many runs, what was read first."""
    paths = list(dict.fromkeys(path for result in results for path in _yardstick(result.facts)))
    kept, agreed = results, {}
    for path in paths:
        having = [(result, _key(result.facts, path)) for result in kept]
        # a run counts once, however many networks it has
        runs = {(result.run, key) for result, key in having if key is not None}
        votes = Counter(key for _, key in runs)
        order = list(dict.fromkeys(key for _, key in having if key is not None))
        if order:
            most = max(order, key=lambda key: votes[key])  # the first one of as many
            kept = [result for result, key in having if key in (most, None)]
            agreed[path] = json.loads(most)
    staying = {id(result) for result in kept}
    return Table(place, kept, agreed), [
        LeftOut(result.record, list(_differences(result.facts, agreed)))
        for result in results
        if id(result) not in staying
    ]


def _yardstick(facts: dict) -> list[str]:
    measured = [f'evaluation.{key}' for key in facts['evaluation'] if key != 'images']
    return list(dict.fromkeys([*FACTS, *WHERE_KNOWN, *measured]))


def _key(facts: dict, path: str) -> str | None:
    """Return what a record says of a fact, as text; None where the fact is not its concern."""
    if path == 'per_class':
        return json.dumps(sorted(facts[path])) if facts[path] else None
    name, key = path.split('.', 1)
    value = facts[name].get(key)
    if path == 'split.unlabeled' and value is None and not facts['unlabeled']:
        return None
    return json.dumps(value, sort_keys=True)


def _differences(facts: dict, agreed: dict) -> Iterator[Difference]:
    for path, here in agreed.items():
        key = _key(facts, path)
        if key is not None and json.loads(key) != here:
            name, advice = _words(path)
            yield Difference(
                name, said(json.loads(key)), said(here), advice.removesuffix('.') + ELSEWHERE
            )


def _words(path: str) -> tuple[str, str]:
    known = {**FACTS, **WHERE_KNOWN}
    return known.get(path) or (f'{path.removeprefix("evaluation.")} of the evaluation', MANNER)
