import math
from collections.abc import Iterator
from typing import Any

import torch
from mmengine.dist import all_gather_object, broadcast_object_list, get_rank, is_main_process
from mmengine.hooks import Hook, LoggerHook
from torch import Tensor

from semiseg_mm.engine.batch_dump import dump_batch
from semiseg_mm.engine.checkpoint import checkpoints
from semiseg_mm.engine.finite import fault_in, numbers, weights_of
from semiseg_mm.engine.step_guard import StepGuard
from semiseg_mm.errors import UserError
from semiseg_mm.registry import HOOKS
from semiseg_mm.utils import check_choice

INTERVAL = 50  # at most; losses are kept that long
SHOWN = 8  # images that the sentence names


@HOOKS.register_module()
class FiniteHook(Hook):
    """Stop a training whose loss or weights become NaN or infinite, before that is saved.

    SemiRunner has it, whatever the config says. Losses stay on the device until a log is written,
    the network is validated or saved: there is no waiting in between. Weights are looked at
    before they are validated or saved. What gradients are does not count: a GradScaler passes over
    infinite ones.

    Args:
        action: 'stop', or 'skip' to go on without the steps whose loss or gradients are not
            finite; see StepGuard, which looks at each step and waits for the device in it.
        limit: More skipped steps than that stop the training all the same.
    """

    priority = 'LOW'  # after the log, before anything is saved

    def __init__(self, action: str = 'stop', limit: int = 10) -> None:
        check_choice('action', action, ('stop', 'skip'), 'FiniteHook')
        self.action, self.limit = action, limit
        self._guard: StepGuard | None = None
        self._losses: list[tuple[int, dict[str, Tensor], list[str]]] = []
        self._interval = INTERVAL
        self._training = False

    def before_train(self, runner) -> None:
        _refuse(runner, 'trained')
        self._interval = log_interval(runner)
        self._training = True
        if self.action == 'skip':
            self._guard = StepGuard(runner.model, runner.optim_wrapper)

    def before_test(self, runner) -> None:
        _refuse(runner, 'tested')

    def before_val(self, runner) -> None:
        if not self._training:
            _refuse(runner, 'validated')

    def before_train_iter(self, runner, batch_idx, data_batch=None) -> None:
        if self._guard and runner.optim_wrapper.should_update():  # it has just stepped
            self._guard.remember()

    def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None) -> None:
        losses = {
            name: torch.as_tensor(value).detach()
            for name, value in (outputs or {}).items()
            if 'loss' in name
        }
        self._losses.append((runner.iter + 1, losses, list(dict.fromkeys(_images(data_batch)))))
        if self._guard:
            if runner.optim_wrapper.should_update():
                self._count_step(runner)
        elif self.every_n_train_iters(runner, self._interval) or self.is_last_train_iter(runner):
            self.check(runner, runner.iter + 1)

    def before_val_epoch(self, runner) -> None:
        if self._guard:
            self._guard.mend()
        if self._training:
            self.check(runner, runner.iter, with_weights=True)

    def check(self, runner, done: int, with_weights: bool = False) -> None:
        """Stop if a loss since the last check was not finite. All processes call it."""
        found = None if self._guard else self._fault_in_losses()
        if found is None and with_weights and (fault := fault_in(weights_of(runner.model))):
            found = done, 'weights', f'After iteration {done}, {fault}, though its loss was finite'
        everywhere = all_gather_object(found)
        faults = [one for one in everywhere if one]
        if not faults:
            return
        iteration, kind, text = min(faults)
        rank, dump = everywhere.index(min(faults)), ['']
        if get_rank() == rank and kind == 'loss':
            dump[0] = dump_batch(runner, iteration)
        broadcast_object_list(dump, src=rank)
        older = [path for step, path in checkpoints(runner.work_dir).items() if step <= done]
        kept = f'{older[-1]} is from before and stays' if older else 'There is no checkpoint yet'
        raise UserError(
            f'{text}.{dump[0]} The training stopped at iteration {done} of {runner.max_iters} '
            f'without saving that. {kept}. Start anew in another --work-dir with a lower '
            'optim_wrapper.optimizer.lr, or with optim_wrapper.clip_grad; load_from=CHECKPOINT '
            'begins with the weights of a checkpoint.'
        )

    def _count_step(self, runner) -> None:
        """Tell of a step that was skipped, which all processes know; too many are refused."""
        if not self._guard.skipped:
            self._losses = []
            return
        found = [one for one in all_gather_object(self._fault_in_losses()) if one]
        count = runner.message_hub.runtime_info.get('skipped_steps', 0) + 1
        runner.message_hub.update_info('skipped_steps', count)
        text = f'Iteration {runner.iter + 1} is skipped, as {count} of at most {self.limit} steps.'
        text += f' {min(found)[2] if found else "Its gradients are not finite"}.'
        if count > self.limit:
            raise UserError(
                f'{text} The training stopped: start anew in another --work-dir with a lower '
                'optim_wrapper.optimizer.lr, or raise limit of FiniteHook.'
            )
        if is_main_process():
            runner.logger.warning(text)

    def _fault_in_losses(self) -> tuple[int, str, str] | None:
        """Return the first iteration with such a loss, the word 'loss', and a sentence; or None."""
        losses, self._losses = self._losses, []
        values = iter(numbers(value for _, terms, _ in losses for value in terms.values()))
        for iteration, terms, images in losses:
            bad = {name: v for name in terms if not math.isfinite(v := next(values))}
            if bad:
                named = ', '.join(f'{name}: {value}' for name, value in bad.items())
                more = ', …' if len(images) > SHOWN else ''
                of = f' Its images: {", ".join(images[:SHOWN])}{more}' if images else ''
                text = f'From iteration {iteration} on the loss is not finite ({named})'
                return iteration, 'loss', f'{text}.{of}' if of else text
        return None


def _refuse(runner, verb: str) -> None:
    fault = fault_in(weights_of(runner.model))
    if fault:
        raise UserError(
            f'{runner._load_from or "This network"} cannot be {verb}: {fault}. Choose an earlier '
            'checkpoint, or train anew.'
        )


def log_interval(runner) -> int:
    """Return after how many iterations tensors are fetched: with each log, and at 50."""
    logs = [hook.interval for hook in runner.hooks if isinstance(hook, LoggerHook)]
    return min([INTERVAL, *logs])


def check_finite(runner, done: int) -> None:
    """Look at losses and weights before a checkpoint is written; all processes call it."""
    for hook in runner.hooks:
        if isinstance(hook, FiniteHook):
            hook.check(runner, done, with_weights=True)


def _images(batch: Any) -> Iterator[str]:
    samples = batch.get('data_samples') if isinstance(batch, dict) else None
    views = samples.values() if isinstance(samples, dict) else [samples or ()]
    for view in views:
        for sample in view:
            name = getattr(sample, 'img_path', None)
            if name is not None:
                yield str(name)
