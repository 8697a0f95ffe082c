import heapq
import math
import os
import sys
import time
from collections.abc import Callable, Sequence

from semiseg_mm.errors import UserError
from semiseg_mm.utils.signals import stoppable, stopped_by

from .training_process import GRACE, STARTUP, TrainingProcess


def share_cores() -> tuple[int, int]:
    """How many trainings at once, with how many threads each.

    It depends on the machine alone: sums differ with the number of threads, and a training that
    is resumed shall end like one that was not.
    """
    # Measured on two cores that other processes used as well, 80 iterations of Mean Teacher and
    # of CPS + CutMix: 49 s both at once with one thread each, 274 s one after the other with two.
    # Operators of so small a network are short: two threads mostly wait for each other.
    cores = os.cpu_count() or 1
    at_once = min(3, cores)
    return at_once, min(4, cores // at_once)


class Deadline:
    """Says when trainings shall stop.

    Args:
        seconds: From now on; None is for no end.
    """

    def __init__(self, seconds: float | None = None) -> None:
        self.end = math.inf if seconds is None else time.monotonic() + seconds

    def is_over(self) -> bool:
        return time.monotonic() >= self.end

    def allows(self, startup: float) -> bool:
        """Return whether a training that starts now would train as long as it takes to start."""
        return time.monotonic() + 2 * startup < self.end


def run_all(
    trainings: list[TrainingProcess],
    watch: Callable[[float | None], None],
    lock: int,
    places: Sequence[str | None] = (),
    threads: int | None = None,
    deadline: Deadline | None = None,
) -> None:
    """Run what is not finished, longest first. ``watch`` is called often, with the time left.

    Args:
        places: A training at once for each; the GPU that it may see, or None. The default is
            what suits the machine's cores.
        deadline: What runs then is asked to stop, as by Ctrl-C, and shortly before it nothing
            starts any more: the longest start so far counts. Default: none.
    """
    waiting = sorted((t for t in trainings if t.phase == 'waiting'), key=lambda t: -t.method.cost)
    running: list[TrainingProcess] = []
    at_once, share = share_cores()
    places, threads = list(places) or [None] * at_once, threads or share
    deadline = deadline or Deadline()

    def may_start() -> bool:
        startup = [STARTUP, *(t.startup for t in trainings if t.startup is not None)]
        return bool(waiting) and deadline.allows(max(startup))

    try:
        while running or may_start():
            while len(running) < len(places) and may_start():
                training = waiting.pop(0)
                training.device = _free(places, running)
                running.append(training)
                training.start(threads, lock)
            watch(time_left(running, waiting))
            time.sleep(0.2)
            running = [training for training in running if training.poll()]
            if deadline.is_over():
                break
        watch(0.0)
    finally:
        for training in running:  # first all, so that they save side by side
            training.ask_to_stop()
        for training in running:
            training.stop()


def _free(places: list[str | None], running: list[TrainingProcess]) -> str | None:
    left = list(places)
    for training in running:
        left.remove(training.device)
    return left[0]


def time_left(running: list[TrainingProcess], waiting: list[TrainingProcess]) -> float | None:
    """Of all trainings together; None until the first speed is known."""
    known = [t for t in running if t.seconds_per_iter is not None]
    if not known:
        return None
    unit = sum(t.seconds_per_iter / t.method.cost for t in known) / len(known)

    def guess(training: TrainingProcess) -> float:
        left = (training.max_iters - training.iter) * training.method.cost * unit
        return STARTUP + left

    ends = [guess(t) if t.seconds_left() is None else t.seconds_left() for t in running]
    heapq.heapify(ends)
    for training in waiting:  # each starts when the first place is free
        heapq.heappush(ends, heapq.heappop(ends) + guess(training))
    return max(ends)


def continuable(call: Callable[[], int]) -> int:
    """The exit code of a call that the same command goes on with, whatever ended it."""
    try:
        with stoppable(2 * GRACE):  # so that trainings end, too
            return call()
    except UserError as error:
        print(f'\nerror: {error}', file=sys.stderr)
        return 1
    except KeyboardInterrupt as error:
        print('\nStopped. The same command goes on from here.', file=sys.stderr)
        return 128 + stopped_by(error).number
