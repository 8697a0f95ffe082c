"""From single records to results: what a run came to, its last score and its best one."""

import json
from collections.abc import Iterable
from typing import NamedTuple

from semiseg_mm.records import Record

METRIC = 'mIoU'


class Difference(NamedTuple):
    fact: str
    there: str  # in the record
    here: str  # in the table
    advice: str


class LeftOut(NamedTuple):
    """A record that is in no table, and why."""

    record: Record
    differences: list[Difference]
    instead: Record | None = None  # of the same run, in the table


class Result(NamedTuple):
    """What a run came to with one of its networks on one set of images.

    Args:
        record: The record of the last iteration; the newest one of a run that has not ended.
        best: The highest score among the validations of the run; None where one alone is recorded,
            as nobody knows then if there were others.
    """

    record: Record
    finished: bool
    best: float | None

    @property
    def facts(self) -> dict:
        return self.record.facts

    @property
    def score(self) -> float:
        return self.facts['scores'][METRIC]

    @property
    def run(self) -> tuple:
        """The training, whatever number of networks it has."""
        return self.facts['method'], config_of(self.facts), self.facts['seed']


def config_of(facts: dict) -> str:
    """Return what names the config of a record; of a plain model the checkpoint does."""
    return facts['config_sha256'] or str(facts['checkpoint'])


def find_results(records: Iterable[Record]) -> tuple[list[Result], list[LeftOut]]:
    """Return a result for each run, network and set of images, and what cannot be one.

    Scores of stages are passed over, and so are tests of checkpoints on the way.
    """
    left_out: list[LeftOut] = []
    of_files: dict[tuple, list[Record]] = {}
    for record in records:
        facts = record.facts
        if facts['stage'] is not None or (facts['kind'], facts['chosen']) == ('test', 'passing'):
            continue
        fault = _fault(facts)
        if fault:
            left_out.append(LeftOut(record, [fault]))
        else:
            of_files.setdefault((record.file, *_identity(facts)), []).append(record)
    found: dict[tuple, Result] = {}
    for (_, *identity), own in of_files.items():
        result = _result(own)
        # of a run that was stopped here and ended elsewhere the end counts
        key = (*identity, result.finished)
        first = found.setdefault(key, result)
        if first is not result and first.finished and first.score != result.score:
            left_out.append(LeftOut(result.record, [_twice(result, first)], first.record))
    return list(found.values()), left_out


def _fault(facts: dict) -> Difference | None:
    if facts['chosen'] == 'best':
        return Difference(
            'checkpoint',
            f'{facts["checkpoint"] or "one"}, chosen by validation scores',
            'that of the last iteration',
            'Test the checkpoint of the last iteration (iter_N.pth).',
        )
    score = facts['scores'].get(METRIC)
    if score is None or not 0 <= score <= 100:  # or NaN
        return Difference(
            METRIC, str(score), 'a percentage', f'Evaluate with a metric that has {METRIC}.'
        )
    return None


def _identity(facts: dict) -> tuple:
    keys = ('method', 'seed', 'evaluated', 'kind', 'evaluation', 'split', 'network')
    return config_of(facts), json.dumps([facts[key] for key in keys], sort_keys=True)


def _result(own: list[Record]) -> Result:
    """Join the records of a run in one file; of equal ones the latest counts."""
    last = [record for record in own if record.facts['chosen'] == 'last']
    best = max(record.facts['scores'][METRIC] for record in own)
    several = len({record.facts['iteration'] for record in own}) > 1
    validated = own[0].facts['kind'] == 'validation' and several
    return Result((last or own)[-1], bool(last), best if validated else None)


def _twice(result: Result, first: Result) -> Difference:
    return Difference(
        f'{METRIC} of seed {result.facts["seed"]}',
        f'{result.score:.2f}',
        f'{first.score:.2f}',
        'The same config was trained twice with this seed: name one of the two records.',
    )
