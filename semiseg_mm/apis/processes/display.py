import time
from collections.abc import Sequence

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn

from .training_process import TrainingProcess

RUNNING = ('starting', 'training', 'validating')
EVERY = 10.0  # seconds between plain lines of a method


def make_display(
    trainings: Sequence[TrainingProcess], console: Console, only_running: bool = False
):
    """With ``only_running`` a terminal shows no lines for what waits or is done."""
    if console.is_terminal and not console.is_dumb_terminal:
        return LiveDisplay(trainings, console, only_running)
    return PlainDisplay(trainings)


class LiveDisplay:
    """One line a method, redrawn in place, and one for all."""

    def __init__(
        self, trainings: Sequence[TrainingProcess], console: Console, only_running: bool
    ) -> None:
        self.trainings = trainings
        self.only_running = only_running
        self.progress = Progress(
            TextColumn('{task.description}'),
            BarColumn(24),
            TextColumn('{task.fields[count]}', justify='right'),
            TextColumn('{task.fields[left]}', justify='right'),
            TextColumn('{task.fields[phase]}'),
            console=console,
        )
        fields = dict(count='', left='', phase='')
        self.rows = [
            self.progress.add_task(
                t.method.title, total=t.max_iters, visible=not only_running, **fields
            )
            for t in trainings
        ]
        total = sum(t.method.cost * t.max_iters for t in trainings)
        self.all = self.progress.add_task('all', total=total, **fields)

    def __enter__(self):
        self.progress.start()
        return self

    def __exit__(self, *_) -> None:
        self.progress.stop()

    def __call__(self, left: float | None) -> None:
        for row, t in zip(self.rows, self.trainings):
            self.progress.update(
                row,
                completed=t.iter,
                count=f'{t.iter}/{t.max_iters}',
                left=_left(t),
                phase=t.phase,
                visible=not self.only_running or t.phase in RUNNING,
            )
        done = sum(t.method.cost * t.iter for t in self.trainings)
        ended = sum(t.phase not in (*RUNNING, 'waiting') for t in self.trainings)
        self.progress.update(
            self.all,
            completed=done,
            count=f'{ended} of {len(self.trainings)} ended' if self.only_running else '',
            left='' if left is None else _clock(left),
        )


class PlainDisplay:
    """For pipes and CI: a line when a phase changes, and every few seconds while training."""

    def __init__(self, trainings: Sequence[TrainingProcess]) -> None:
        self.trainings = trainings
        self.said: dict[str, tuple[str, float]] = {}

    def __enter__(self):
        return self

    def __exit__(self, *_) -> None:
        pass

    def __call__(self, left: float | None) -> None:
        for t in self.trainings:
            phase, when = self.said.get(t.method.key, ('waiting', 0.0))
            told = 'training' if t.phase == 'validating' else t.phase
            late = told == 'training' and time.monotonic() - when > EVERY
            if told == phase and not late:
                continue
            self.said[t.method.key] = told, time.monotonic()
            parts = [f'{t.method.title}: {t.iter}/{t.max_iters} {t.phase}', _left(t)]
            if told == 'training' and left is not None:
                parts.append(f'all: {_clock(left)}')
            print(', '.join(filter(None, parts)), flush=True)


def _left(training: TrainingProcess) -> str:
    active = training.phase in RUNNING[1:]
    return _clock(training.seconds_left()) if active else ''


def _clock(seconds: float) -> str:
    return f'{seconds:.0f} s left' if seconds < 100 else f'{seconds / 60:.0f} min left'
