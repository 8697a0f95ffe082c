"""Tells what the stages of a run will do, how much of it, and how long it may take."""

from collections.abc import Sequence
from datetime import timedelta
from typing import NamedTuple


class Task(NamedTuple):
    """What a stage does: a sentence without its subject, and how much of it."""

    what: str
    amount: int | None = None  # None: known at its turn
    unit: str = ''

    def __str__(self) -> str:
        if not self.unit:
            return self.what
        many = f'the number of {self.unit} is not known yet'
        return f'{self.what}, {many if self.amount is None else f"{self.amount} {self.unit}"}'


def plan_of_stages(stages: Sequence) -> str:
    """Return the plan, a line for each stage, and what of it earlier calls have done."""
    wide = max(len(stage.name) for stage in stages)
    lines = [
        f'    {number:2d} {stage.name:<{wide}}  {stage.task()}{_state(stage)}'
        for number, stage in enumerate(stages, 1)
    ]
    return '\n'.join([f'{len(stages)} stages:', *lines, *time_left(stages)])


def time_left(stages: Sequence) -> list[str]:
    """Return the line on the time that is left, from what finished stages of a kind took."""
    rest = [stage for stage in stages if stage.seconds_taken() is None]
    if not rest:
        return []
    known: dict[tuple, list[float]] = {}
    for stage in stages:
        seconds, task = stage.seconds_taken(), stage.task()
        if seconds is not None and task.amount:
            known.setdefault((type(stage), task.unit), []).append(seconds / task.amount)
    total, guessed, unknown = 0.0, False, []
    for stage in rest:
        task = stage.task()
        paces = known.get((type(stage), task.unit))
        if paces and task.amount is not None:
            total, guessed = total + task.amount * sum(paces) / len(paces), True
        else:
            unknown.append(stage.name)
    if not guessed:
        return ['How long it takes can be said once the first stages are done.']
    more = f', and {", ".join(unknown)}, of which nothing is known yet' if unknown else ''
    return [f'Time left: about {timedelta(seconds=round(total))}{more}.']


def _state(stage) -> str:
    seconds = stage.seconds_taken()
    if seconds is not None:
        return f' (done before, in {timedelta(seconds=round(seconds))})'
    return ' (begun before)' if stage.is_begun() else ''
