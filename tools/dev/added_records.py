"""Takes records of a training into the ones that the tables are made of."""

import contextlib
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

import semiseg_mm.engine  # noqa: F401  (registers what configs name)
from semiseg_mm.apis.command import load_config
from semiseg_mm.engine.facts import training_facts
from semiseg_mm.engine.train_plan import settle
from semiseg_mm.errors import UserError
from semiseg_mm.records import NAME, Record, append_records, identity, read_records
from semiseg_mm.records.measured import FOLDER, measured
from semiseg_mm.utils import counted, nearest
from semiseg_mm.utils.places import CONFIGS

NO_IMAGES = dict(dataset=None, split={}, labels=None, unlabeled=None)
MACHINE = ('device', 'threads')


def add_records(
    table: str, files: Sequence[str], methods: Sequence[str], method: str | None = None
) -> str:
    """Append the last scores in files to a table; all of them, or none if one is refused.

    Args:
        methods: All that may have a row.
        method: The row of these records, if it has another name than their method.
    """
    records, wrong = read_records(files)
    ends = [one for one in records if _is_end(one.facts)]
    if not (ends or wrong):
        raise UserError(f'{", ".join(files)}: no score of a last iteration is in there.')
    known, _ = read_records([FOLDER / table]) if (FOLDER / table).is_dir() else ([], [])
    leaves = [_leaf(one.facts) for one in ends]
    named = dict(method=method) if method else {}
    ends = [one._replace(facts={**one.facts, **named}) for one in ends]
    for one, leaf in zip(ends, leaves):
        fault = _fault(one.facts, leaf, known, methods)
        wrong += [f'{one.place}: {fault}'] if fault else []
    if wrong:
        raise UserError('Nothing was added.\n' + '\n'.join(wrong))
    for one, leaf in zip(ends, leaves):
        folder = FOLDER / table / one.facts['method']
        folder.mkdir(parents=True, exist_ok=True)
        append_records(str(folder / NAME), [dict(one.facts, config=leaf.name)])
    measured.cache_clear()
    devices = sorted({str(one.facts['device']) for one in ends})
    return f'{table}: {counted(len(ends), "record")} of {", ".join(devices)}'


def _is_end(facts: dict) -> bool:
    return facts['kind'] == 'validation' and facts['chosen'] == 'last' and facts['stage'] is None


def _leaf(facts: dict) -> Path | None:
    """Return the leaf by its name; a comparison's config has the name of the method."""
    leaves = {path.name: path for path in CONFIGS.glob('[!_]*/*.py')}
    named, digest = leaves.get(facts['config'] or ''), facts['config_sha256']
    if named:
        return named if _hash(named) == digest else None
    start = facts['method'].replace('_', '-')
    for leaf in (path for name, path in leaves.items() if name.split('_')[0] == start):
        with contextlib.suppress(UserError):  # its images are not on this machine
            if _hash(leaf) == digest:
                return leaf
    return None


@lru_cache
def _hash(leaf: Path) -> str:
    cfg = load_config(str(leaf))
    settle(cfg)
    return training_facts(cfg, NO_IMAGES)['config_sha256']


def _fault(
    facts: dict, leaf: Path | None, known: list[Record], methods: Sequence[str]
) -> str | None:
    """Return why a record is refused."""
    method = facts['method']
    if method not in methods:
        return f'methods.csv has no {method}: give it a line there.{nearest(method, methods)}'
    if leaf is None:
        return (
            f'{facts["config"]} is no leaf of this tree, or was trained with other settings than '
            'the leaf has now (config_sha256): train with the leaf as it stands.'
        )
    own = [one for one in known if one.facts['method'] == method]
    for one in own:
        if one.facts['config_sha256'] != facts['config_sha256']:
            return f'{one.place} is of other settings: take another name for the table.'
        if identity(one.facts) == identity(facts) and one.facts['scores'] != facts['scores']:
            return f'{one.place} has another result of the same run: remove that line first.'
        if any(one.facts[key] != facts[key] for key in MACHINE):
            there, here = (' '.join(f'{x[key]}' for key in MACHINE) for x in (one.facts, facts))
            return (
                f'it was measured on {here} (device, threads), and {one.place} on {there}: a row '
                'has one machine. Remove the lines of the method there, and add all seeds anew.'
            )
    if known and any(facts[key] != known[0].facts[key] for key in ('dataset', 'evaluation')):
        return f'it was judged on other images, or in another way, than {known[0].place}.'
    return None
