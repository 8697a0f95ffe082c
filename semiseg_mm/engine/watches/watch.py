from collections.abc import Mapping
from typing import NamedTuple

from mmengine.runner import Runner


class Mean(NamedTuple):
    """Hold the mean of a number that the model logs, since the last log of this process."""

    value: float
    iters: int  # those that had the number


class Watch:
    """Look at a training and say in plain words what is likely wrong with it.

    A check overrides what it needs. It returns sentences (what is seen, with its numbers, and what
    to do), or None. After its first sentence it is not asked again. It must not draw random
    numbers, change the training, or fetch a tensor: what the model logs comes as numbers.

    ``@WATCHES.register_module()`` puts a check into every training. Its arguments are thresholds
    with defaults, for ``default_hooks.watch.checks``.
    """

    def at_start(self, runner: Runner) -> str | None:
        """Look before the first iteration, or before the first one after a resume."""

    def at_log(self, runner: Runner, means: Mapping[str, Mean]) -> str | None:
        """Look when a log is due, at what the model logs beside losses."""

    def at_val(self, runner: Runner, metrics: Mapping[str, float]) -> str | None:
        """Look after a validation."""
