"""The form of a record: its keys, and when two records are of one evaluation."""

import json
from numbers import Real
from typing import Any

FORM = 1
CHOICES = dict(kind=('validation', 'test'), chosen=('last', 'passing', 'best'))
TEXT, NUMBER = (str, type(None)), (Real, type(None))
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
    labels=NUMBER,
    unlabeled=NUMBER,
    crop=(list, type(None)),
    batch=dict,
    processes=NUMBER,
    precision=TEXT,
    iterations=NUMBER,
    total_iterations=NUMBER,
    stage=TEXT,
    seed=NUMBER,
    iteration=NUMBER,
    chosen=str,
    checkpoint=TEXT,
    evaluation=dict,
    scores=dict,
    per_class=dict,
    seconds=NUMBER,
    memory_mb=NUMBER,
    device=TEXT,
    threads=NUMBER,
    versions=dict,
    time=str,
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
    wrong = [key for key, kind in KEYS.items() if not isinstance(facts[key], kind)]
    if not wrong:
        wrong = [f'scores.{key}' for key, value in facts['scores'].items() if not _is_number(value)]
        wrong += [key for key, known in CHOICES.items() if facts[key] not in known]
    return f'it holds something strange as {", ".join(wrong)}' if wrong else None


def identity(facts: dict) -> str:
    """Return what two records of one evaluation share: a resumed run may write it twice."""
    return json.dumps([facts[key] for key in OF_EVALUATION], sort_keys=True)


def _is_number(value: Any) -> bool:
    return isinstance(value, Real) and not isinstance(value, bool)
