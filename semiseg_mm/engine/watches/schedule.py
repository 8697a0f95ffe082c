from collections.abc import Iterator, Mapping

from mmengine.optim.scheduler import CosineAnnealingParamScheduler, PolyParamScheduler
from mmengine.runner import Runner

from semiseg_mm.registry import WATCHES

from .watch import Mean, Watch


@WATCHES.register_module()
class ScheduleEnd(Watch):
    """Warn of a learning rate whose poly or cosine decay is longer or shorter than the training.

    Args:
        slack: This share of the training may lie between both ends.
    """

    def __init__(self, slack: float = 0.05) -> None:
        self.slack = slack

    def at_start(self, runner: Runner) -> str | None:
        found = runner.param_schedulers or []
        lists = found.values() if isinstance(found, dict) else [found]
        ends = [end for schedulers in lists for end in _ends(schedulers)]
        return self.warning(max(ends), runner.max_iters) if ends else None

    def warning(self, end: int, max_iters: int) -> str | None:
        if abs(end - max_iters) <= self.slack * max_iters:
            return None
        rate = 'does not come to its end' if end > max_iters else 'stays as it is from then on'
        return (
            f'The learning rate decays until iteration {end}, the training ends at {max_iters}: '
            f'the rate {rate}. Leave end of PolyLR out, set T_max={max_iters} of '
            f'CosineAnnealingLR, or train_cfg.max_iters={end}.'
        )


def _ends(schedulers: list) -> Iterator[int]:
    """Yield the iterations at which decays end, not those of warm-ups or steps."""
    for one in schedulers:
        if one.by_epoch:
            continue
        if isinstance(one, PolyParamScheduler):
            yield one.end
        elif isinstance(one, CosineAnnealingParamScheduler):
            yield one.begin + one.T_max


@WATCHES.register_module()
class RateZero(Watch):
    """Warn of a learning rate that is 0 everywhere while iterations are left."""

    def at_log(self, runner: Runner, means: Mapping[str, Mean]) -> str | None:
        found = runner.optim_wrapper.get_lr()
        rates = [rate for name, own in found.items() if name.split('.')[-1] == 'lr' for rate in own]
        left = runner.max_iters - runner.iter - 1
        if left <= 0 or any(rate != 0 for rate in rates):
            return None
        return (
            f'The learning rate is 0 at iteration {runner.iter + 1}, and {left} iterations are '
            'left that change nothing. Correct optim_wrapper.optimizer.lr or param_scheduler, or '
            f'end the training there: train_cfg.max_iters={runner.iter + 1}.'
        )
