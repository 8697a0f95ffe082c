"""Takes records of a training into the ones that the tables are made of."""

import contextlib
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

import yaml

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
    there = {identity(one.facts) for one in known}
    new = [pair for pair in zip(ends, leaves) if identity(pair[0].facts) not in there]
    for one, leaf in new:
        folder = FOLDER / table / one.facts['method']
        folder.mkdir(parents=True, exist_ok=True)
        append_records(str(folder / NAME), [dict(one.facts, config=leaf.name)])
    measured.cache_clear()
    devices = sorted({str(one.facts['device']) for one in ends})
    return f'{table}: {counted(len(new), "record")} of {", ".join(devices)}'


def _is_end(facts: dict) -> bool:
    return facts['kind'] == 'validation' and facts['chosen'] == 'last' and facts['stage'] is None


def _leaf(facts: dict) -> Path | None:
    """Return the leaf that a run was trained as.

    A comparison's config has the name of the method, and one with options may be another leaf.
    The hash is of the settings without the lists, so the number of labels tells more.
    """
    leaves = {path.name: path for path in CONFIGS.glob('[!_]*/*.py')}
    named, start = leaves.get(facts['config'] or ''), facts['method'].replace('_', '-')
    own = [path for name, path in leaves.items() if name.split('_')[0] == start]
    for leaf in [named, *own] if named else own:
        if _labels(leaf.parent).get(leaf.stem) != facts['labels']:
            continue
        with contextlib.suppress(UserError):  # its images are not on this machine
            if _hash(leaf) == facts['config_sha256']:
                return leaf
    return None


@lru_cache
def _labels(folder: Path) -> dict[str, int]:
    """Return how many labels each leaf of a folder has."""
    models = yaml.safe_load((folder / 'metafile.yml').read_text(encoding='utf-8'))['Models']
    return {model['Name']: model['Metadata']['Labeled Images'] for model in models}


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
        if one.facts['split'] != facts['split']:
            return f'{one.place} was trained with other lists of images: name another table.'
        if any(one.facts[key] != facts[key] for key in MACHINE):
            there, here = (' '.join(f'{x[key]}' for key in MACHINE) for x in (one.facts, facts))
            return (
                f'it was measured on {here} (device, threads), and {one.place} on {there}: a row '
                'has one machine. Remove the lines of the method there, and add all seeds anew.'
            )
    if known and any(facts[key] != known[0].facts[key] for key in ('dataset', 'evaluation')):
        return f'it was judged on other images, or in another way, than {known[0].place}.'
    return None
