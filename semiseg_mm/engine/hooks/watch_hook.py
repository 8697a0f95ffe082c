import os.path as osp
from collections.abc import Mapping

from mmengine.dist import is_main_process
from mmengine.hooks import Hook
from torch import Tensor

from semiseg_mm.engine.finite import numbers
from semiseg_mm.engine.watches import Mean, Watch
from semiseg_mm.registry import HOOKS, WATCHES
from semiseg_mm.utils import check_choice

from .finite_hook import log_interval

SAID: set[tuple[str, str]] = set()  # work dirs and checks, in this process


@HOOKS.register_module()
class WatchHook(Hook):
    """Say in plain words, once each, what is likely wrong with a training.

    SemiRunner has it, whatever the config says; ``default_hooks.watch=None`` leaves it out. The
    checks are all that ``WATCHES`` holds. What the model logs beside losses stays on the device
    until a log is due. Nothing is drawn, changed or stored.

    Args:
        checks: Arguments for checks by their names, ``dict(LittleUsed=dict(share=0.01))``; None in
            the place of the arguments leaves a check out.
        shortest: A training of fewer iterations is a trial, and nothing is said of it.
    """

    priority = 'LOW'  # after the log

    def __init__(
        self, checks: Mapping[str, dict | None] | None = None, shortest: int = 100
    ) -> None:
        self.checks = dict(checks or {})
        self.shortest = shortest
        self._watches: dict[str, Watch] = {}  # those that have said nothing yet
        self._logged: dict[str, list[Tensor]] = {}
        self._interval = 1

    def before_train(self, runner) -> None:
        names = sorted(WATCHES.module_dict)
        for name in self.checks:
            check_choice('default_hooks.watch.checks', name, names)
        wanted = {name: self.checks.get(name, {}) for name in names}
        built = {
            name: WATCHES.build(dict(own, type=name))
            for name, own in wanted.items()
            if own is not None
        }
        speaks = is_main_process() and runner.max_iters >= self.shortest
        folder = osp.abspath(runner.work_dir)
        self._watches = {n: one for n, one in built.items() if speaks and (folder, n) not in SAID}
        self._interval = log_interval(runner)
        self._logged.clear()
        self._ask('at_start', runner)

    def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None) -> None:
        if not self._watches:
            return
        for name, value in (outputs or {}).items():
            if 'loss' not in name and isinstance(value, Tensor):
                self._logged.setdefault(name, []).append(value.detach())
        if self.every_n_train_iters(runner, self._interval) or self.is_last_train_iter(runner):
            self._ask('at_log', runner, self._means())

    def after_val_epoch(self, runner, metrics: dict | None = None) -> None:
        self._ask('at_val', runner, metrics or {})

    def after_train(self, runner) -> None:
        self._watches.clear()

    def _means(self) -> dict[str, Mean]:
        logged, self._logged = self._logged, {}
        values = iter(numbers(value for own in logged.values() for value in own))
        return {
            name: Mean(sum(next(values) for _ in own) / len(own), len(own))
            for name, own in logged.items()
        }

    def _ask(self, moment: str, runner, *facts) -> None:
        for name, watch in list(self._watches.items()):
            sentence = getattr(watch, moment)(runner, *facts)
            if sentence:
                del self._watches[name]
                SAID.add((osp.abspath(runner.work_dir), name))
                runner.logger.warning(f'{sentence} (Said once, by {name}: docs/en/warnings.md.)')
