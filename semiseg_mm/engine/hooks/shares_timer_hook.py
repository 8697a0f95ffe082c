import torch
from mmengine.hooks import IterTimerHook, LoggerHook

from semiseg_mm.engine.facts import note_gpu_memory
from semiseg_mm.registry import HOOKS


@HOOKS.register_module()
class SharesTimerHook(IterTimerHook):
    """Log the time of an iteration, as mmengine's IterTimerHook, and what limits the training.

    ``data_share`` is the share of the time since the last log in which the training waited for a
    batch. On a GPU, ``busy_share`` is the share of iterations at whose start the GPU still worked
    on the one before. Near 1 the GPU is the limit; near 0 it waits for data or, where
    ``data_share`` is small, for the host. To know them, nothing waits.

    Before each log, in trainings, validations and tests, it notes the GPU memory for the records.
    """

    def before_run(self, runner) -> None:
        super().before_run(runner)
        self._interval = min(
            (hook.interval for hook in runner.hooks if isinstance(hook, LoggerHook)), default=50
        )

    def before_train(self, runner) -> None:
        super().before_train(runner)
        self._seconds, self._waited = 0.0, 0.0
        self._busy: list[bool] = []
        self._done: torch.cuda.Event | None = None

    def _before_iter(self, runner, batch_idx, data_batch=None, mode: str = 'train') -> None:
        if mode != 'train':
            super()._before_iter(runner, batch_idx, data_batch, mode)
            return
        # mmengine takes all that was done since the last step for it: logs, checkpoints, scores
        waited = runner.train_loop.data_seconds
        runner.message_hub.update_scalar('train/data_time', waited)
        self._waited += waited
        if self._done is not None:
            self._busy.append(not self._done.query())

    def _after_iter(self, runner, batch_idx, data_batch=None, outputs=None, mode='train') -> None:
        before = self.t
        super()._after_iter(runner, batch_idx, data_batch, outputs, mode)
        if torch.cuda.is_available() and self.every_n_inner_iters(batch_idx, self._interval):
            note_gpu_memory()
        if mode == 'train':
            self._seconds += self.t - before
            self._finish(runner, batch_idx)

    def _finish(self, runner, batch_idx: int) -> None:
        if torch.cuda.is_available():
            self._done = torch.cuda.Event()
            self._done.record()
        if self.every_n_inner_iters(batch_idx, self._interval):
            hub = runner.message_hub
            hub.update_scalar('train/data_share', self._waited / max(self._seconds, 1e-9))
            if self._busy:
                hub.update_scalar('train/busy_share', sum(self._busy) / len(self._busy))
            self._seconds, self._waited, self._busy = 0.0, 0.0, []
