"""From the records of single runs to a table of means and spreads."""

import csv
import io
from collections.abc import Sequence

from rich.table import Table

from semiseg_mm.utils.spread import NO_VALUE, mean_std, spread

YARDSTICK = 'SupOnly'
COLUMNS = ('method', 'network', 'iterations', 'runs', '{metric} (last)', 'over SupOnly',
           '{metric} (best)', 's / iteration', '× SupOnly')  # fmt: skip


def summarise(records: dict[str, list[dict]], metric: str) -> list[dict]:
    """A row for each method and each of its networks, from the records of finished runs.

    ``gain`` compares seed by seed with SupOnly, where both have a result, and takes the mean of
    the differences; ``gain_std`` is their spread. ``best`` is None where a run was validated once:
    one score has no best of several. A method without results has a row with None.
    """
    yardstick = next(
        (name for name, runs in records.items() if runs and runs[0]['model'] == YARDSTICK), None
    )
    own = {run['seed']: run for run in records.get(yardstick, [])}
    base = {seed: _score(run, next(iter(run['networks'])), metric) for seed, run in own.items()}
    base_pace, _ = mean_std([r['seconds_per_iter'] for r in own.values() if r['seconds_per_iter']])
    rows = []
    for name, runs in records.items():
        for network in dict.fromkeys(net for run in runs for net in run['networks']) or [None]:
            last = {run['seed']: _score(run, network, metric) for run in runs}
            gains = [last[seed] - base[seed] for seed in last if seed in base]
            pace, _ = mean_std([r['seconds_per_iter'] for r in runs if r['seconds_per_iter']])
            row = dict(method=name, network=network, runs=len(runs), seeds=sorted(last))
            row['iters'] = runs[0]['iterations'] if runs else None
            row['total_iters'] = runs[0]['total_iterations'] if runs else None
            row['last'], row['last_std'] = mean_std(list(last.values()))
            several = [run for run in runs if run.get('validations') != 1]  # older ones do not say
            best = [_score(run, network, metric, 'best') for run in several]
            row['best'], row['best_std'] = mean_std(best if len(best) == len(runs) else [])
            compared = name != yardstick
            row['gain'], row['gain_std'] = mean_std(gains) if compared else (None, None)
            row['seconds_per_iter'] = pace
            row['relative_pace'] = pace / base_pace if pace and base_pace else None
            rows.append(row)
    return rows


def _score(record: dict, network: str, metric: str, which: str = 'last') -> float:
    return record['networks'][network][metric][which]


def cells(row: dict) -> list[str]:
    """A row in words."""
    iters = row['iters']
    if iters and row['total_iters'] != iters:
        iters = f'{row["total_iters"]} in all'
    paces = (row['seconds_per_iter'], '{:.3g}'), (row['relative_pace'], '{:.2f}')
    return [
        row['method'],
        row['network'] or NO_VALUE,
        str(iters or NO_VALUE),
        str(row['runs']),
        spread(row['last'], row['last_std']),
        spread(row['gain'], row['gain_std'], '+'),
        spread(row['best'], row['best_std']),
        *(NO_VALUE if value is None else form.format(value) for value, form in paces),
    ]


def columns(metric: str) -> list[str]:
    return [column.format(metric=metric) for column in COLUMNS]


def make_table(rows: list[dict], metric: str) -> Table:
    table = Table()
    for k, column in enumerate(columns(metric)):
        table.add_column(column, justify='left' if k < 2 else 'right')
    for row in rows:
        table.add_row(*cells(row))
    return table


def make_markdown(rows: list[dict], metric: str, notes: list[str]) -> str:
    head = columns(metric)
    lines = [head, ['--' if k < 2 else '--:' for k in range(len(head))], *map(cells, rows)]
    table = '\n'.join(f'| {" | ".join(line)} |' for line in lines)
    return '\n\n'.join([table, '\n'.join(f'- {note}' for note in notes)]) + '\n'


def make_csv(rows: list[dict]) -> str:
    file = io.StringIO()
    rows = [
        {key: round(value, 5) if isinstance(value, float) else value for key, value in row.items()}
        | dict(seeds=' '.join(map(str, row['seeds'])))
        for row in rows
    ]
    writer = csv.DictWriter(file, list(rows[0]), lineterminator='\n')
    writer.writeheader()
    writer.writerows(rows)
    return file.getvalue()


def make_notes(records: list[dict], options: dict[str, Sequence[str]]) -> list[str]:
    """What one must know to read the table, from the records themselves."""
    notes = []
    for key, say in FACTS.items():
        found = list(dict.fromkeys(filter(None, (say(record) for record in records))))
        if found:
            notes.append(f'{key}: {"; ".join(found)}.')
        if len(found) > 1:
            notes[-1] += ' **The runs differ in this.**'
    notes += [f'{name} with {" ".join(words)}.' for name, words in options.items() if words]
    staged = {
        r['method']: r['total_iterations'] / r['iterations'] for r in records if _is_staged(r)
    }
    for name, times in staged.items():
        notes.append(
            f'{name} trains in stages, {times:.3g} times as many iterations as the others.'
        )
    return [*notes, READING]


def _is_staged(record: dict) -> bool:
    return record['total_iterations'] != record['iterations']


def _versions(record: dict) -> str:
    return ', '.join(f'{name} {version}' for name, version in record['versions'].items())


FACTS = {
    'Base': lambda r: r['base'],
    'Network': lambda r: r['network']['name'],
    'Dataset': lambda r: f'{r["dataset"]}, split {r["split"]["name"] or "of the config"}',
    'Images': lambda r: (
        f'{r["labels"]} labeled ({r["split"]["labeled"][:12]}). {r["lists"].rstrip(".")}'
    ),
    'Unlabeled images': lambda r: str(r['unlabeled'] or ''),
    'Labeled images in a batch': lambda r: str(r['batch']['labeled']),
    'Unlabeled images in a batch': lambda r: str(r['batch']['unlabeled'] or ''),
    'Iterations': lambda r: str(r['iterations']),
    'Evaluation': lambda r: str(r['evaluation'].get('mode', 'whole')),
    'Device': lambda r: f'{r["device"]}, {r["threads"]} CPU threads a run',
    'Versions': _versions,
}
READING = (
    'The result is the last evaluation; best chooses by the validation images, and is shown apart; '
    'of a method in stages, it is the best of its last stage. '
    '± is the standard deviation of the sample. The gain is the mean over seeds of the difference '
    'to SupOnly with the same seed. s / iteration is the median of training alone, as measured '
    'beside whatever else ran.'
)
