"""The form of a record: its keys, and when two records are of one evaluation."""

import json
from collections.abc import Collection
from typing import Any

FORM = 1
CHOICES: dict[str, Collection] = dict(
    form=range(1, FORM + 1), kind=('validation', 'test'), chosen=('last', 'passing', 'best')
)
NONE = type(None)  # a fact that is not known
TEXT, NUMBER, COUNT = (str, NONE), (int, float, NONE), (int, NONE)  # numbers are not negative
LARGEST = 10**15  # of numbers
KEYS: dict[str, type | tuple] = dict(
    form=int,
    kind=str,
    method=str,
    config=TEXT,
    config_sha256=TEXT,
    model=TEXT,
    evaluated=str,
    network=dict,
    dataset=TEXT,
    split=dict,
    labels=COUNT,
    unlabeled=COUNT,
    crop=(list, NONE),
    batch=dict,
    processes=COUNT,
    precision=TEXT,
    iterations=COUNT,
    total_iterations=COUNT,
    stage=TEXT,
    seed=COUNT,
    iteration=COUNT,
    chosen=str,
    checkpoint=TEXT,
    evaluation=dict,
    scores=dict,
    per_class=dict,
    seconds=NUMBER,
    memory_mb=NUMBER,
    device=TEXT,
    threads=COUNT,
    versions=dict,
    time=str,
)
PARTS: dict[str, dict[str, tuple]] = dict(
    network=dict(name=TEXT, encoder=TEXT, weights=TEXT, weights_sha256=TEXT, sha256=TEXT),
    split=dict(name=TEXT, labeled=TEXT, unlabeled=TEXT, masks=TEXT),
    evaluation=dict(images=COUNT, list=TEXT, masks=TEXT),
)
# Facts of a run, which its checkpoints hold; the other keys are of one evaluation.
OF_RUN = ('method', 'config', 'config_sha256', 'model', 'dataset', 'split', 'labels', 'unlabeled',
          'crop', 'batch', 'processes', 'precision', 'iterations', 'total_iterations', 'stage',
          'seed')  # fmt: skip
OF_EVALUATION = ('config_sha256', 'method', 'seed', 'stage', 'evaluated', 'kind', 'iteration',
                 'checkpoint', 'evaluation', 'split')  # fmt: skip


def check_form(facts: Any) -> str | None:
    """Return what is wrong with a record, or None."""
    if not isinstance(facts, dict):
        return 'it is no record'
    form = facts.get('form')
    if isinstance(form, int) and form > FORM:
        return f'it is of form {form}, and this version reads up to form {FORM}: update semiseg_mm'
    missing = [key for key in KEYS if key not in facts]
    if missing:
        return f'it has no {", ".join(missing)}'
    wrong = [key for key, kind in KEYS.items() if not _fits(facts[key], kind)]
    if not wrong:
        wrong = [
            f'scores.{key}' for key, v in facts['scores'].items() if not _fits(v, (int, float))
        ]
        wrong += [
            f'per_class.{key}' for key, v in facts['per_class'].items() if not _fits(v, NUMBER)
        ]
        wrong += [
            f'{name}.{key}'
            for name, part in PARTS.items()
            for key, kind in part.items()
            if not _fits(facts[name].get(key), kind)
        ]
        wrong += [key for key, known in CHOICES.items() if facts[key] not in known]
    return f'it holds something strange as {", ".join(wrong)}' if wrong else None


def identity(facts: dict) -> str:
    """Return what two records of one evaluation share: a resumed run may write it twice."""
    return json.dumps([facts[key] for key in OF_EVALUATION], sort_keys=True)


def network_order(evaluated: str) -> tuple:
    """Sort the networks of a method: teachers first, whatever came out."""
    return not evaluated.startswith('teacher'), evaluated


def _fits(value: Any, kind: type | tuple) -> bool:
    if isinstance(value, bool) or not isinstance(value, kind):
        return False
    if kind == COUNT and value is not None and value < 0:
        return False
    if kind == NUMBER and value is not None and not value >= 0:  # or NaN
        return False
    return not isinstance(value, (int, float)) or value != value or abs(value) < LARGEST
