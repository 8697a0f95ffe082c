"""What one must know to read a table, in sentences."""

from collections.abc import Sequence
from typing import Any

from semiseg_mm.utils.words import counted

from .results import METRIC, Result
from .rows import YARDSTICK, Row
from .tables import Table
from .words import said

READING = [
    f'Rows are ranked by {METRIC} of the last iteration, in percent: the mean over the seeds, ± '
    'the standard deviation of the sample.',
    f'The column {METRIC} (best) takes the highest of all validations of each run; of a method in '
    'stages, of its last stage. The labels of the evaluated images chose it, so it is too high, '
    'stands apart, and ranks nothing.',
    f'The gain is the mean difference to {YARDSTICK} of the same seed, with as many iterations, '
    'the same crop and as many labeled images in a batch. p is that of the paired t-test over '
    'these n differences. With three seeds it is a rough guide; it is not corrected for the number '
    'of methods.',
    'Every evaluated network of a method has a row. One of them has a rank, whatever its score: '
    'the teacher if there is one, else the first. To take the best one would be a choice by the '
    'evaluated images. It may be another network than the one that predict and publish take: that '
    'is the one that the config names (predict_on; if it is silent, the first: student or net_0), '
    'and records do not say which. There, --network takes the ranked one.',
    'A method in stages has the result of its last stage. The other stages have no row.',
    'Twelve digits are the beginning of a hash, of a list of images, a file of weights or the '
    'settings of a network. Equal hashes mean equal contents.',
    'Seconds and memory were measured beside whatever else ran on the machine. Compare them on one '
    'device alone. A row whose runs had different devices or numbers of CPU threads has none.',
]
DIFFERING = {
    'device': 'devices',
    'threads': 'numbers of CPU threads',
    'versions': 'versions of the software',
    'precision': 'precisions',
    'processes': 'numbers of processes',
}
MUST_BE_KNOWN = {
    'split.labeled': 'the list of labeled images',
    'evaluation.list': 'the list of evaluated images',
}


def facts_of(table: Table) -> list[tuple[str, str]]:
    """Return what all rows of a table share, as pairs of a name and its value."""
    place, agreed = table.place, table.agreed
    unknown = 'an unknown number of images'
    images = unknown if place.images is None else counted(place.images, 'image')
    rest = {
        path.removeprefix('evaluation.'): value
        for path, value in agreed.items()
        if path.startswith('evaluation.') and path not in ('evaluation.list', 'evaluation.masks')
    }
    lists = {
        'labeled': agreed.get('split.labeled'),
        'unlabeled': agreed.get('split.unlabeled'),
        'evaluated': agreed.get('evaluation.list'),
    }
    return [
        ('network', f'{place.network}, settings {said(place.network_sha256)}'),
        ('encoder', _encoder(table)),
        ('evaluation', f'{place.kind} on {images}'),
        ('classes', str(len(agreed.get('per_class', '')) or '')),
        ('manner', ', '.join(f'{key} {said(value)}' for key, value in rest.items() if value)),
        ('lists', ', '.join(f'{key} {said(value)}' for key, value in lists.items() if value)),
    ]


def _encoder(table: Table) -> str:
    place, sha256 = table.place, table.agreed.get('network.weights_sha256')
    weights = f'weights {place.weights}' if place.weights else 'weights drawn at random'
    return f'{place.encoder or "unknown"}, {weights}' + (f' ({said(sha256)})' if sha256 else '')


def notes_of(table: Table, rows: Sequence[Row]) -> list[str]:
    """Return a sentence for each thing that may differ in a table, and does."""
    notes = []
    if len({tuple(row.each('seed')) for row in rows}) > 1:
        notes.append(
            'Not all rows have the same seeds, so their means are over different runs. A gain '
            'compares equal seeds alone.'
        )
    for key, name in DIFFERING.items():
        values = sorted({_text(result, key) for result in table.results} - {''})
        if len(values) > 1:
            notes.append(f'The runs have different {name}: {"; ".join(values)}.')
    staged = {
        f'{facts["method"]}: {facts["total_iterations"]} iterations, {facts["iterations"]} of them '
        'in the last stage'
        for facts in (result.facts for result in table.results)
        if facts['total_iterations'] != facts['iterations']
    }
    notes += ['Methods in stages: ' + '; '.join(sorted(staged)) + '.'] * bool(staged)
    unknown = [name for path, name in MUST_BE_KNOWN.items() if table.agreed.get(path) is None]
    if table.place.weights and table.agreed.get('network.weights_sha256') is None:
        unknown.append('the weights that the encoder began with')
    bare = sum(not result.facts['per_class'] for result in table.results)
    if bare:
        unknown.append(f'the classes (in {bare} of {len(table.results)} results)')
    return notes + [f'Not recorded, so not checked: {", ".join(unknown)}.'] * bool(unknown)


def _text(result: Result, key: str) -> str:
    value: Any = result.facts[key]
    if isinstance(value, dict):
        return ', '.join(f'{name} {version}' for name, version in value.items())
    return '' if value is None else str(value)
