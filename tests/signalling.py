"""A hook that sends its own process a signal; it is registered where this module is imported."""

import os
import time

from mmengine.dist import get_rank
from mmengine.hooks import Hook
from mmengine.registry import HOOKS


@HOOKS.register_module()
class SendSignals(Hook):
    """Send signals in one iteration, or in the validation after it.

    Args:
        pause: Seconds for which the iteration lasts then.
    """

    def __init__(self, numbers, iteration: int, rank=0, in_val=False, pause=0.0) -> None:
        self.numbers, self.iteration, self.rank = numbers, iteration, rank
        self.in_val, self.pause = in_val, pause

    def before_train_iter(self, runner, batch_idx, data_batch=None) -> None:
        if not self.in_val and runner.iter + 1 == self.iteration:
            self._send()

    def before_val_iter(self, runner, batch_idx, data_batch=None) -> None:
        if self.in_val and runner.iter == self.iteration:
            self._send()

    def _send(self) -> None:
        if get_rank() == self.rank:
            for number in self.numbers:
                os.kill(os.getpid(), number)
            time.sleep(self.pause)
