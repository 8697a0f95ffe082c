"""Says what was trained on what, from the facts of results.json, of records and of the log."""

from __future__ import annotations

from datetime import timedelta

from .blocks import Facts, Note, Table
from .run import Run
from .sections import Blocks, two


def what_ran(run: Run) -> Blocks:
    """Yield what was trained on what."""
    last = run.trainings()[-1] if run.trainings() else run
    facts = _of_record(run) | {name: text for name, text in last.log.facts.items() if text}
    for name in ('work dir', 'log'):
        facts.pop(name, None)
    known = run.results.get('run') or {}
    if known.get('method') and known.get('model'):
        facts['method'] = f'{known["method"]} ({known["model"]})'
    facts['config'] = run.config_name or last.config_name
    for key in ('seed', 'device', 'memory_mb'):
        if run.results.get(key) is not None:
            facts.setdefault(key.replace('_mb', ', MB'), run.results[key])
    facts['lists'], facts['length'] = last.log.lists, last.log.length
    if run.results.get('seconds') is not None:
        facts['time'] = str(timedelta(seconds=round(run.results['seconds'])))
    facts['skipped steps'] = run.results.get('skipped_steps')
    facts['versions'] = ', '.join(f'{k} {v}' for k, v in run.versions.items())
    facts['folder'] = run.folder.name
    yield Facts([(name, value) for name, value in facts.items() if value not in (None, '')])
    if not last.log.facts:
        yield Note('There is no log of a training, which would say more.', 'soft')


def _of_record(run: Run) -> dict[str, object]:
    """Return what results.json says of the run as a whole; older ones say nothing."""
    known = run.results.get('run') or {}
    if not known:
        return {}
    networks, split, crop = known['networks'], known['split'], known['crop']
    iters, own = known['total_iterations'], known['iterations']
    lists = [f'{name} {split[name][:12]}' for name in ('labeled', 'unlabeled') if split.get(name)]
    return {
        'method': known['model'],
        'network': '; '.join(f'{name}: {one["name"]}' for name, one in networks.items()),
        'weights': ', '.join(sorted({one['weights'] for one in networks.values()} - {None})),
        'dataset': known['dataset'],
        'images': f'{known["labels"]} labeled, {known["unlabeled"]} unlabeled',
        'published list': split.get('name'),
        'sha256 of the lists': ', '.join(lists),
        'crop': f'{crop[0]} x {crop[1]}' if crop else '',
        'batch': ', '.join(f'{count} {name}' for name, count in known['batch'].items()),
        'iterations': iters if iters == own else f'{iters} in all stages, {own} in the last',
        'precision': known['precision'],
    }


def tests(run: Run) -> Blocks:
    """Yield the scores of ``semiseg_mm test`` in this work dir, as its records say them."""
    rows = [
        [
            *(facts['evaluated'], facts['checkpoint'], facts['chosen'], metric, two(value)),
            facts['evaluation'].get('images'),
        ]
        for facts in run.records
        if facts['kind'] == 'test'
        for metric, value in facts['scores'].items()
    ]
    if rows:
        head = ['network', 'checkpoint', 'chosen as', 'metric', 'score', 'images']
        yield Table(head, rows)
