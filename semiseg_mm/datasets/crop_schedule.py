"""Crop sizes over a training, as a pure function of the iteration.

The schedules follow the self-training paper of Zhu et al. 2020 (arXiv:2004.14960) by name. Its
text gives neither the order of the sizes nor the length of a cycle in any source we could read:
the sweeps below are our reconstruction.
"""

from bisect import bisect_right
from collections.abc import Sequence
from typing import NamedTuple

from semiseg_mm.errors import UserError

Size = tuple[int, int]


class CropPhase(NamedTuple):
    end: int  # the first iteration after it
    crop: Size  # (h, w)


class CropSchedule:
    """Phases of a training, each with one crop size."""

    def __init__(self, phases: Sequence[tuple], divisor: int = 1) -> None:
        self.phases = [CropPhase(int(end), as_size(crop)) for end, crop in phases]
        self.ends = [phase.end for phase in self.phases]
        if not self.phases or any(b <= a for a, b in zip([0, *self.ends], self.ends)):
            raise UserError(f'The ends of crop phases must rise, from 1 on; got {self.ends}.')
        for _, crop in self.phases:
            if min(crop) < 1 or any(side % divisor for side in crop):
                raise UserError(
                    f'The crop size {crop[0]}x{crop[1]} is no multiple of {divisor}: change sizes '
                    'or divisor of CropSizeSchedulerHook.'
                )

    def at(self, iteration: int) -> Size:
        """The crop size of an iteration, counted from 0; the last one goes on."""
        return self.phases[min(bisect_right(self.ends, iteration), len(self.phases) - 1)].crop

    def relative_cost(self) -> float:
        """Pixels of this schedule over pixels at the largest crop throughout."""
        starts = [0, *self.ends]
        pixels = [(b - a) * c[0] * c[1] for a, (b, c) in zip(starts, self.phases)]
        return sum(pixels) / (self.ends[-1] * max(h * w for _, (h, w) in self.phases))


def as_size(crop: int | Sequence[int]) -> Size:
    return (crop, crop) if isinstance(crop, int) else (int(crop[0]), int(crop[1]))


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
    name = kind.removesuffix('+')
    if name not in ('constant', 'coarse2fine', 'fine2coarse'):
        raise UserError(
            f"schedule='{kind}' is none of constant, coarse2fine, fine2coarse, with or without '+'."
        )
    repeats = cycles if kind.endswith('+') else 1
    ordered = sorted((as_size(size) for size in sizes), key=lambda size: size[0] * size[1])
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
