from abc import abstractmethod
from collections import deque
from collections.abc import Mapping

from mmengine.runner import Runner

from semiseg_mm.registry import WATCHES
from semiseg_mm.utils import unwrapped

from .teacher import average_of
from .watch import Mean, Watch

KEPT = 'kept'  # the share of unlabeled pixels that count, as methods with a filter log it
STORED = 'pseudo_share'  # … and the share that has a stored label


class UsedShare(Watch):
    """Average the share of unlabeled pixels that a method uses over the last iterations.

    Args:
        share: What the average is compared with.
        patience: Look at the last iterations, this share of the training.
        at_least: Look at so many iterations at least.
    """

    keys = (KEPT,)

    def __init__(self, share: float, patience: float = 0.1, at_least: int = 200) -> None:
        self.share = share
        self.patience = patience
        self.at_least = at_least
        self._last: dict[str, deque[Mean]] = {}

    def at_log(self, runner: Runner, means: Mapping[str, Mean]) -> str | None:
        wanted = max(self.at_least, self.patience * runner.max_iters)
        for key in self.keys:
            if key not in means:
                continue
            last = self._last.setdefault(key, deque())
            last.append(means[key])
            while sum(mean.iters for mean in last) - last[0].iters >= wanted:
                last.popleft()
            iters = sum(mean.iters for mean in last)
            if iters >= wanted:
                used = sum(mean.value * mean.iters for mean in last) / iters
                if sentence := self.warning(runner, key, used, iters):
                    return sentence
        return None

    @abstractmethod
    def warning(self, runner: Runner, key: str, used: float, iters: int) -> str | None:
        """Return what to say of an average, if anything."""


@WATCHES.register_module()
class LittleUsed(UsedShare):
    """Warn if nearly no unlabeled pixel counts for long: on average less than ``share``."""

    keys = (KEPT, STORED)

    def __init__(self, share: float = 0.02, patience: float = 0.1, at_least: int = 200) -> None:
        super().__init__(share, patience, at_least)

    def warning(self, runner: Runner, key: str, used: float, iters: int) -> str | None:
        if not used < self.share:
            return None
        what = 'counted' if key == KEPT else 'had a stored label'
        advice = list(_more_kept(runner)) if key == KEPT else []
        if key == STORED:
            advice = ['lower thresholds of the filter in the stage that made the labels']
        return (
            f'In the last {iters} iterations {_percent(used)} of the unlabeled pixels {what} '
            f'({key}): the training learns almost nothing from them. Try {", or ".join(advice)}.'
        )


@WATCHES.register_module()
class AllUsed(UsedShare):
    """Warn if a filter leaves nothing out for long: on average at least ``share`` counts.

    A threshold of 0 is meant to leave nothing out.
    """

    def __init__(self, share: float = 0.9995, patience: float = 0.1, at_least: int = 200) -> None:
        super().__init__(share, patience, at_least)

    def warning(self, runner: Runner, key: str, used: float, iters: int) -> str | None:
        own = getattr(unwrapped(runner.model), 'filter', None)
        value = getattr(own, 'value', None)
        if not used >= self.share or own is None or (value is not None and value <= 0):
            return None
        now = '' if value is None else f', with model.filter.value={value:g}'
        return (
            f'In the last {iters} iterations {_percent(used)} of the unlabeled pixels counted '
            f'({key}): the filter {type(own).__name__} leaves nothing out{now}. Try a higher '
            'threshold, or model.filter=None if all pixels shall count.'
        )


def _more_kept(runner: Runner):
    """Say what lets more pixels count, the likeliest first."""
    model, average = unwrapped(runner.model), average_of(runner)
    if average and (advice := average.advice()):
        yield advice
    value = getattr(getattr(model, 'filter', None), 'value', None)
    if value is not None:
        yield f'a lower model.filter.value (now {value:g})'
    ramp = getattr(model, 'rampup_iters', None)
    if ramp is not None and ramp < runner.max_iters / 2:
        yield f'a longer start on labels, model.rampup_iters={runner.max_iters // 2} (now {ramp})'
    yield 'pretrained weights and a longer training'


def _percent(share: float) -> str:
    return f'{100 * share:.2g} %' if share < 0.1 else f'{100 * share:.4g} %'
