from collections.abc import Mapping
from typing import NamedTuple

from mmengine.runner import Runner

from semiseg_mm.engine.optimizers import accumulated
from semiseg_mm.registry import WATCHES
from semiseg_mm.utils import unwrapped

from .watch import Watch

SUITED = 20  # windows to a training: with 1000 steps decay 0.98, as the configs of Shapes have it


class Average(NamedTuple):
    """Hold what of MeanTeacherHook decides how fast a teacher follows."""

    decay: float
    warmup: bool
    steps: int  # of the teacher in the whole training

    @property
    def window(self) -> float:
        """Return how many steps the mean spans."""
        return 1 / (1 - self.decay)

    @property
    def suited(self) -> float:
        """Return a decay that spans a twentieth of the steps."""
        return round(1 - float(f'{1 / max(2, self.steps / SUITED):.1g}'), 9)

    def advice(self) -> str | None:
        """Say how the teacher would follow faster; None where it is fast enough."""
        if self.suited < self.decay:
            return (
                f'decay={self.suited:g} of MeanTeacherHook (now {self.decay:g}, the mean of about '
                f'{self.window:.0f} of {self.steps} steps)'
            )
        return None if self.warmup else 'warmup=True of MeanTeacherHook'


def average_of(runner: Runner) -> Average | None:
    """Return how the teacher moves; None where there is none, or where it is frozen."""
    for hook in runner.hooks:
        decay = getattr(hook, 'decay', None)
        if getattr(hook, 'moves_teachers', False) and decay is not None and decay < 1:
            counts = accumulated(runner.optim_wrapper)
            steps = int((1 - getattr(hook, 'begin', 0)) * runner.max_iters / counts)
            return Average(decay, getattr(hook, 'warmup', False), steps)
    return None


@WATCHES.register_module()
class LongMemory(Watch):
    """Warn of a teacher that averages over a large part of the training.

    Args:
        share: Of the training; 1 / (1 - decay) steps may be so much of it.
    """

    def __init__(self, share: float = 1 / 3) -> None:
        self.share = share

    def at_start(self, runner: Runner) -> str | None:
        average = average_of(runner)
        return self.warning(average) if average else None

    def warning(self, average: Average) -> str | None:
        if average.window <= self.share * average.steps:
            return None
        return (
            f'MeanTeacherHook with decay={average.decay:g} averages the student over about '
            f'{average.window:.0f} steps, but the training has {average.steps}: the teacher lags '
            f'behind to the end. decay={average.suited:g} suits this length.'
        )


@WATCHES.register_module()
class TeacherBehind(Watch):
    """Warn of a teacher that is much worse than the network that it teaches.

    Of several teachers of one network the best one counts: where they take turns, others rest.

    Args:
        points: So much lower the teacher's mIoU, 0 to 100, must be.
        after: Do not look before this share of the training.
    """

    def __init__(self, points: float = 5.0, after: float = 0.2) -> None:
        self.points = points
        self.after = after

    def at_val(self, runner: Runner, metrics: Mapping[str, float]) -> str | None:
        average = average_of(runner)
        if average is None or runner.iter < self.after * runner.max_iters:
            return None
        teachers = getattr(unwrapped(runner.model), 'teachers', {})
        for leader in dict.fromkeys(teachers.values()):
            student = metrics.get(f'{leader}/mIoU')
            names = [name for name, other in teachers.items() if other == leader]
            found = {name: metrics[f'{name}/mIoU'] for name in names if f'{name}/mIoU' in metrics}
            if student is None or not found:
                continue
            own = max(found, key=found.get)
            teacher = found[own]
            if student - teacher >= self.points:
                advice = average.advice() or (
                    "buffers='copy' of MeanTeacherHook, if its norm statistics are to blame"
                )
                return (
                    f'At iteration {runner.iter} the {own} has {teacher:.1f} mIoU, the {leader} '
                    f'{student:.1f}: labels of a worse network teach little. Try {advice}.'
                )
        return None
