"""A hook that sends its own process a signal; it is registered where this module is imported."""

import multiprocessing
import os
import subprocess
import time

from mmengine.dist import get_rank
from mmengine.hooks import Hook
from mmengine.registry import HOOKS


@HOOKS.register_module()
class SendSignals(Hook):
    """Send signals in one iteration, or in the validation after it.

    Args:
        pause: Seconds for which the iteration lasts then.
        workers: Let another process send them to the workers as well, as a launcher does.
    """

    def __init__(
        self, numbers, iteration: int, rank=0, in_val=False, pause=0.0, workers=False
    ) -> None:
        self.numbers, self.iteration, self.rank = numbers, iteration, rank
        self.in_val, self.pause, self.workers = in_val, pause, workers

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
                if self.workers:
                    pids = [str(child.pid) for child in multiprocessing.active_children()]
                    subprocess.run(['kill', f'-{number}', *pids], check=True)
            time.sleep(self.pause)
