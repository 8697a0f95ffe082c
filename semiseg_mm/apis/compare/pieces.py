"""A comparison in pieces of limited time: what is not finished, and whether the next one helps."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from semiseg_mm.errors import UserError

from .run import Run

UNFINISHED = 75  # the exit status; EX_TEMPFAIL of sysexits.h: "try again"


def unfinished(runs: Iterable[Run]) -> list[Run]:
    """Return the runs that time was too short for."""
    return [run for run in runs if run.phase in ('waiting', 'stopped') and run.result() is None]


def kept(runs: Iterable[Run]) -> dict[str, set[Path]]:
    """Return what the runs without a result have saved, by their titles."""
    return {run.method.title: run.kept() for run in runs if run.phase == 'waiting'}


def notes(missing: Sequence[Run]) -> list[str]:
    """Say which runs are not finished, and how far they are."""
    parts = []
    for name in dict.fromkeys(run.name for run in missing):
        own = [run for run in missing if run.name == name]
        seeds = ', '.join(f'seed {run.seed}: {run.saved()}' for run in own)
        parts.append(f'{name} ({seeds} of {own[0].max_iters} iterations)')
    return [f'**Not finished, so in no row: {"; ".join(parts)}.**'] if parts else []


def go_on(runs: Sequence[Run], before: Mapping[str, set[Path]], minutes: float) -> int:
    """Say that the same command goes on, unless it would come to nothing again."""
    missing = unfinished(runs)
    came = [run for run in runs if run.phase != 'failed' and run.method.title in before]
    if not any(run.kept() - before[run.method.title] for run in came):
        raise UserError(
            f'In {minutes:g} minutes no training came to anything that could be saved, and the '
            'same command would not, either: give --minutes more, or --jobs fewer.'
        )
    print(
        f'\n{minutes:g} minutes are over: {len(missing)} of {len(runs)} runs are not finished. '
        'The same command goes on from here.'
    )
    return UNFINISHED
