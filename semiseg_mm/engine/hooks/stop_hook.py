import os.path as osp
from signal import Signals

import torch
import torch.distributed as torch_dist
from mmengine.dist import (
    all_gather_object,
    barrier,
    get_comm_device,
    get_rank,
    get_world_size,
)
from mmengine.hooks import Hook
from mmengine.runner import EpochBasedTrainLoop

from semiseg_mm.registry import HOOKS
from semiseg_mm.utils import signals, unwrapped
from semiseg_mm.utils.buffers import running_statistics

from .atomic_checkpoint_hook import is_saved, save_run, write_run

KEY = 'statistics'


@HOOKS.register_module()
class StopHook(Hook):
    """Save a checkpoint when SIGTERM or Ctrl-C ends a training, after the current iteration.

    SemiRunner has it, whatever the config says. With gradient accumulation the training goes on to
    the next optimizer step. Several processes agree on the iteration, though the signal reaches
    them at different moments, or one of them alone: in each optimizer step they reduce one number,
    and read it in the next one, so that none waits for it. A validation ends with its batch, and is
    made anew by the training that goes on.

    Args:
        seconds: A process that has not come to a save so long after the signal ends without one.
            torchrun kills its processes after 30 s, ``docker stop`` after 10 s.
    """

    priority = 'LOWEST'  # after a checkpoint that is due anyway

    def __init__(self, seconds: float = signals.SECONDS) -> None:
        self.seconds = seconds
        self._vote = _Vote()
        self._training = False
        self._statistics: list[dict] = []

    def before_train(self, runner) -> None:
        self._training = not isinstance(runner.train_loop, EpochBasedTrainLoop)
        if self._training:
            signals.wait_for_iterations(self.seconds)

    def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None) -> None:
        if self._training and runner.optim_wrapper.should_update():  # true right after a step
            number = self._vote.earlier(signals.asked())
            if number:
                self._stop(runner, runner.iter + 1, number)

    def before_val(self, runner) -> None:
        self._settle(runner)

    def after_val_iter(self, runner, batch_idx, data_batch=None, outputs=None) -> None:
        """Save without the other processes, which may be in another batch, or gone."""
        number = signals.asked()
        if self._training and number:
            signals.allow_saving()
            if self._may_save(runner, runner.iter):
                write_run(runner, runner.iter)  # the validation has averaged and checked it
            raise self._stopped(runner, runner.iter, number)

    def after_train(self, runner) -> None:
        self._settle(runner)
        if self._training:
            signals.end_at_once()
        self._training = False

    def _settle(self, runner) -> None:
        """Stop all processes between two iterations, if one of them was asked to."""
        if self._training:
            number = self._vote.now(signals.asked())
            if number:
                self._stop(runner, runner.iter, number)

    def _stop(self, runner, step: int, number: int) -> None:
        signals.allow_saving()
        if self._may_save(runner, step):
            if get_world_size() > 1:
                self._statistics = all_gather_object(_own_statistics(runner))
            save_run(runner, step)
        barrier()  # a launcher ends all as soon as the first one has ended
        raise self._stopped(runner, step, number)

    @staticmethod
    def _may_save(runner, step: int) -> bool:
        return not is_saved(runner, step) and runner.optim_wrapper.should_update()

    @staticmethod
    def _stopped(runner, step: int, number: int) -> signals.Stopped:
        path = osp.join(runner.work_dir, f'iter_{step}.pth')
        done = f'{path} holds all {step} of {runner.max_iters} iterations that were done.'
        if not is_saved(runner, step):
            done = f'Iteration {step} is between two optimizer steps, so it was not saved.'
        return signals.Stopped(number, f'{Signals(number).name} came. {done}')

    # ------------------------------------------------------------------ exactly resumable

    def before_save_checkpoint(self, runner, checkpoint: dict) -> None:
        """Keep each process's own running statistics: the weights beside hold their mean.

        Else a training that was stopped would go on with others than one that was not.
        """
        if self._statistics:
            checkpoint[KEY] = self._statistics

    def after_load_checkpoint(self, runner, checkpoint: dict) -> None:
        found = checkpoint.pop(KEY, ())
        if runner._resume and len(found) == get_world_size():
            checkpoint['state_dict'].update(found[get_rank()])


def _own_statistics(runner) -> dict[str, torch.Tensor]:
    statistics = running_statistics(unwrapped(runner.model))
    return {name: value.cpu().clone() for name, value in statistics}


class _Vote:
    """Tell all processes the greatest number that one of them has."""

    def __init__(self) -> None:
        self._asked: tuple[torch.Tensor, torch.cuda.Event | None] | None = None

    def earlier(self, number: int) -> int:
        """Return the answer to the last call, which is there by now, and ask once more."""
        if get_world_size() == 1:
            return number
        before, self._asked = self._asked, self._ask(number)
        return self._answer(before)

    def now(self, number: int) -> int:
        self._asked = None
        return number if get_world_size() == 1 else self._answer(self._ask(number))

    @staticmethod
    def _ask(number: int) -> tuple[torch.Tensor, torch.cuda.Event | None]:
        votes = torch.full((1,), number, dtype=torch.int32, device=get_comm_device())
        torch_dist.all_reduce(votes, torch_dist.ReduceOp.MAX)
        if votes.device.type != 'cuda':
            return votes, None
        answer, ready = votes.to('cpu', non_blocking=True), torch.cuda.Event()
        ready.record()
        return answer, ready

    @staticmethod
    def _answer(asked: tuple[torch.Tensor, torch.cuda.Event | None] | None) -> int:
        if asked is None:
            return 0
        answer, ready = asked
        if ready is not None:
            ready.synchronize()
        return int(answer)
