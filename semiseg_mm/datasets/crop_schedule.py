"""Crop sizes over a training, as a pure function of the iteration.

The schedules follow the self-training paper of Zhu et al. 2020 (arXiv:2004.14960) by name. Its
text gives neither the order of the sizes nor the length of a cycle in any source we could read:
the sweeps below are our reconstruction.
"""

from bisect import bisect_right
from collections.abc import Sequence
from itertools import accumulate
from typing import NamedTuple

from semiseg_mm.errors import UserError
from semiseg_mm.utils import check_choice

Size = tuple[int, int]
KINDS = ('constant', 'coarse2fine', 'fine2coarse', 'coarse2fine+', 'fine2coarse+', 'constant+')


class CropPhase(NamedTuple):
    end: int  # the first iteration after it
    crop: Size  # (h, w)
    batch: int = 1  # how many times the sampler's places make a batch


class CropSchedule:
    """Phases of a training, each with one crop size and one batch size.

    A batch is counted in rows: a row is what the sampler would put into a batch without a
    schedule. Rows are numbered through the training, over all its batches.
    """

    def __init__(self, phases: Sequence[tuple], divisor: int = 1) -> None:
        self.phases = [CropPhase(int(end), as_size(crop), *batch) for end, crop, *batch in phases]
        self.ends = [phase.end for phase in self.phases]
        if not self.phases or any(b <= a for a, b in zip([0, *self.ends], self.ends)):
            raise UserError(f'The ends of crop phases must rise, from 1 on; got {self.ends}.')
        for _, crop, batch in self.phases:
            if min(crop) < 1 or any(side % divisor for side in crop):
                raise UserError(
                    f'The crop size {crop[0]}x{crop[1]} is no multiple of {divisor}: change sizes '
                    'or divisor of CropSizeSchedulerHook.'
                )
            if not isinstance(batch, int) or batch < 1:
                raise UserError(
                    f'The batch of a crop phase must be a whole number of times, from 1 on; got '
                    f'{batch!r} for {crop[0]}x{crop[1]}.'
                )
        self.starts = [0, *self.ends[:-1]]
        rows = [(b - a) * p.batch for a, b, p in zip(self.starts, self.ends, self.phases)]
        self.row_starts = [0, *accumulate(rows)][:-1]

    @property
    def grows(self) -> bool:
        """Whether some batch has more than one row."""
        return any(phase.batch > 1 for phase in self.phases)

    def phase(self, iteration: int) -> CropPhase:
        """The phase of an iteration, counted from 0; the last one goes on."""
        return self.phases[bisect_right(self.starts, iteration) - 1]

    def at(self, iteration: int) -> Size:
        return self.phase(iteration).crop

    def rows_before(self, iteration: int) -> int:
        """Rows of all iterations before this one."""
        k = bisect_right(self.starts, iteration) - 1
        return self.row_starts[k] + (iteration - self.starts[k]) * self.phases[k].batch

    def locate(self, row: int) -> tuple[int, int]:
        """The iteration that a row belongs to, and the row's number within its batch."""
        k = bisect_right(self.row_starts, row) - 1
        iterations, within = divmod(row - self.row_starts[k], self.phases[k].batch)
        return self.starts[k] + iterations, within

    def relative_cost(self) -> float:
        """Pixels of this schedule over pixels at the largest crop throughout, without growth."""
        rows = [(b - a) * p.batch for a, b, p in zip(self.starts, self.ends, self.phases)]
        pixels = sum(n * _area(phase.crop) for n, phase in zip(rows, self.phases))
        return pixels / (self.ends[-1] * max(_area(phase.crop) for phase in self.phases))

    def __str__(self) -> str:
        def described(phase: CropPhase) -> str:
            times = f', batch x {phase.batch}' if phase.batch > 1 else ''
            return f'to {phase.end}: {phase.crop[0]}x{phase.crop[1]}{times}'

        return '; '.join(map(described, self.phases))


def as_size(crop: int | Sequence[int]) -> Size:
    return (crop, crop) if isinstance(crop, int) else (int(crop[0]), int(crop[1]))


def _area(crop: Size) -> int:
    return crop[0] * crop[1]


def with_growth(phases: Sequence[tuple]) -> list[CropPhase]:
    """Give each phase the batch that its crops leave room for: floor(largest area / its area)."""
    if any(len(phase) > 2 for phase in phases):
        raise UserError(
            'CropSizeSchedulerHook has grow_batch=True and phases that name their batch: leave out '
            'one of the two.'
        )
    crops = [as_size(crop) for _, crop in phases]
    largest = max(map(_area, crops))
    return [CropPhase(end, crop, largest // _area(crop)) for (end, _), crop in zip(phases, crops)]


def check_kind(kind: str) -> None:
    check_choice('schedule', kind, KINDS, 'CropSizeSchedulerHook')


def sweep(
    kind: str, sizes: Sequence, max_iters: int, warmup: int = 0, cycles: int = 1
) -> list[tuple[int, Size]]:
    """Phases for a named schedule.

    Args:
        kind: 'constant' (the largest size), 'coarse2fine' (small crops first) or 'fine2coarse'.
            With a '+' at the end the sweep is repeated ``cycles`` times.
        sizes: The crop sizes, in any order.
        warmup: So many iterations at the largest size come first.
    """
    check_kind(kind)
    name = kind.removesuffix('+')
    repeats = cycles if kind.endswith('+') else 1
    ordered = sorted((as_size(size) for size in sizes), key=_area)
    largest = ordered[-1]
    if name == 'constant':
        return [(max_iters, largest)]
    steps = (ordered if name == 'coarse2fine' else ordered[::-1]) * repeats
    room = max_iters - warmup
    if not 0 <= warmup < max_iters or room < len(steps):
        raise UserError(
            f'{max_iters} iterations with a warm-up of {warmup} leave no room for {len(steps)} '
            'crop phases: lower warmup, cycles, or the number of sizes.'
        )
    ends = [warmup + room * (k + 1) // len(steps) for k in range(len(steps))]
    return [*([(warmup, largest)] if warmup else []), *zip(ends, steps)]
