"""From single records to results: what a run came to, its last score and its best one."""

import json
from collections.abc import Iterable
from statistics import fmean
from typing import NamedTuple

from semiseg_mm.records import Record

from .words import said

METRIC = 'mIoU'
ROUNDED = 0.02  # how far the mean of rounded IoUs may lie from the rounded mIoU
BESIDE = ('total_iterations', 'crop', 'batch', 'processes', 'precision')  # a config may not say


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
        return self.facts['method'], setting_of(self.facts), self.facts['seed']


def config_of(facts: dict) -> str:
    """Return what names the config of a record; of a plain model the checkpoint does."""
    return facts['config_sha256'] or str(facts['checkpoint'])


def setting_of(facts: dict) -> str:
    """Return what all runs of a row share: the config, and what a command may change of it."""
    return json.dumps([config_of(facts), *(facts[key] for key in BESIDE)])


def find_results(records: Iterable[Record]) -> tuple[list[Result], list[LeftOut]]:
    """Return a result for each run, network and set of images, and what cannot be one.

    Validations of stages are passed over, and so are the tests that `is_test_on_the_way` and
    `is_test_of_a_stage` know.
    """
    left_out: list[LeftOut] = []
    of_files: dict[tuple, list[Record]] = {}
    for record in records:
        facts = record.facts
        if facts['stage'] is not None or is_test_on_the_way(facts):
            continue
        key = (record.file, facts['checkpoint'], *_identity(facts))
        of_files.setdefault(key, []).append(record)
    found: dict[tuple, Result] = {}
    for (_, _, *identity), own in of_files.items():
        end = next((one for one in reversed(own) if one.facts['chosen'] == 'last'), own[-1])
        if fault := _fault(end.facts):
            left_out.append(LeftOut(end, [fault]))
            continue
        result = _result(end, own)
        first = found.setdefault(tuple(identity), result)
        if result.finished and not first.finished:  # stopped there, and ended here
            found[tuple(identity)] = result
        elif result.finished and first.score != result.score:
            left_out.append(LeftOut(result.record, [_twice(result, first)], first.record))
        elif first.best is None:  # a copy of the end alone
            found[tuple(identity)] = first._replace(best=result.best)
    return list(found.values()), left_out


def is_test_on_the_way(facts: dict) -> bool:
    """Return whether a record is the test of a checkpoint that is not the last one."""
    return (facts['kind'], facts['chosen'], facts['stage']) == ('test', 'passing', None)


def is_test_of_a_stage(facts: dict) -> bool:
    """Return whether a record is the test of a checkpoint of one stage of several."""
    return facts['kind'] == 'test' and facts['stage'] is not None


def _fault(facts: dict) -> Difference | None:
    """Return why a record is no result, whatever others say."""
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
    ious = [iou for iou in facts['per_class'].values() if iou is not None]
    if ious and abs(fmean(ious) - score) > ROUNDED:
        return Difference(
            METRIC,
            f'{score:.2f}',
            f'{fmean(ious):.2f}, which is the mean of the IoU of its classes',
            'The record was changed, or its metric means something else: evaluate again.',
        )
    seen = facts['evaluation'].get('labeled')
    if seen:
        return Difference(
            'labeled images',
            f'{said(seen)} of them among the evaluated ones',
            'none',
            'The network was trained on what it is judged by: evaluate on other images.',
        )
    if facts.get('changed'):
        return Difference(
            'settings',
            f'changed during the training ({said(facts["changed"])})',
            'the same from its first iteration to its last',
            'Train anew in another work dir.',
        )
    end, planned = facts['iteration'], facts['iterations']
    if facts['chosen'] == 'last' and None not in (end, planned) and end != planned:
        return Difference(
            'last iteration',
            str(end),
            f'{planned} as planned',
            'If scores of validation ended the training, they chose this checkpoint: train to the '
            'end.',
        )
    masks = facts['split'].get('masks')
    if masks and masks == facts['evaluation'].get('masks'):
        return Difference(
            'masks of the labeled images',
            f'those of the evaluated images ({said(masks)})',
            'others',
            'The network was trained on what it is judged by: evaluate on other images.',
        )
    return None


def _identity(facts: dict) -> tuple:
    keys = ('method', 'seed', 'evaluated', 'kind', 'evaluation', 'split', 'network')
    return setting_of(facts), json.dumps([facts[key] for key in keys], sort_keys=True)


def _result(end: Record, own: list[Record]) -> Result:
    """Join the records of a run in one file."""
    sound = [record.facts for record in own if not _fault(record.facts)]
    several = len({facts['iteration'] for facts in sound}) > 1
    validated = end.facts['kind'] == 'validation' and several
    best = max(facts['scores'][METRIC] for facts in sound) if validated else None
    return Result(end, end.facts['chosen'] == 'last', best)


def _twice(result: Result, first: Result) -> Difference:
    return Difference(
        f'{METRIC} of seed {result.facts["seed"]}',
        f'{result.score:.2f}',
        f'{first.score:.2f}',
        'The same config was trained twice with this seed: name one of the two records.',
    )
