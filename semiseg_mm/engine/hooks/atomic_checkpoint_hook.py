import os
import os.path as osp
from collections.abc import Sequence

from mmengine.dist import is_main_process
from mmengine.hooks import Hook

from semiseg_mm.engine.checkpoint import checkpoints
from semiseg_mm.engine.finite import check_weights
from semiseg_mm.engine.optimizers import accumulated
from semiseg_mm.engine.restarts import launch_of_this_run
from semiseg_mm.registry import HOOKS
from semiseg_mm.utils import atomic_write_text, average_buffers, check_choice

from .finite_hook import check_finite


@HOOKS.register_module()
class AtomicCheckpointHook(Hook):
    """Save ``iter_N.pth``; new files first, old ones deleted last, and no NaN.

    ``iter_N.pth`` are the run's own: the newest is where it resumes, and the last one is the
    result. ``best_<network>_<metric>.pth`` are kept beside them and never resumed from: choosing
    by the validation score is model selection on that data.

    Args:
        interval: Iterations between checkpoints; the last iteration is always saved.
        max_keep_ckpts: How many ``iter_N.pth`` stay; -1 for all.
        save_best: A metric such as 'mIoU', kept for each network, or None. Greater is better.
        milestones: Shares of all iterations, such as 1 / 3, at which a checkpoint is saved and
            never deleted.
    """

    priority = 'VERY_LOW'  # after the teacher has moved

    def __init__(
        self,
        interval: int = 1000,
        max_keep_ckpts: int = -1,
        save_best: str | None = None,
        milestones: Sequence[float] = (),
    ) -> None:
        self.interval = interval
        self.max_keep_ckpts = max_keep_ckpts
        self.save_best = save_best
        self.milestones = list(milestones)
        self._kept: list[int] = []
        self._training = False

    def before_train(self, runner) -> None:
        self._training = True
        counts = accumulated(runner.optim_wrapper)
        self._kept = milestone_steps(self.milestones, runner.max_iters, counts)

    def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None) -> None:
        due = self.every_n_train_iters(runner, self.interval) or self.is_last_train_iter(runner)
        if due or runner.iter + 1 in self._kept:
            self._save(runner, runner.iter + 1)

    def _save(self, runner, step: int) -> None:
        save_run(runner, step)
        if not is_main_process():
            return
        if self.max_keep_ckpts > 0:
            # later ones are left over from before a resume: they are passed again, or broken
            found = checkpoints(runner.work_dir).items()
            older = [path for n, path in found if n < step and n not in self._kept]
            for path in older[: max(0, len(older) - self.max_keep_ckpts + 1)]:
                os.remove(path)

    def after_val_epoch(self, runner, metrics: dict | None = None) -> None:
        if self.save_best is None or not self._training:  # a stand-alone validation keeps nothing
            return
        names = {key.split('/')[-1] for key in metrics or ()}
        if names:
            check_choice('default_hooks.checkpoint.save_best', self.save_best, sorted(names))
        best = dict(runner.message_hub.runtime_info.get('best_scores', {}))
        for key, score in (metrics or {}).items():
            if key.split('/')[-1] != self.save_best or not score > best.get(key, float('-inf')):
                continue
            best[key] = float(score)
            name = f'best_{key.replace("/", "_")}.pth'
            check_weights(runner.model, osp.join(runner.work_dir, name))
            runner.save_checkpoint(
                runner.work_dir,
                name,
                save_optimizer=False,
                save_param_scheduler=False,
                meta=dict(epoch=runner.epoch, iter=runner.iter, best=dict(metric=key, score=score)),
                by_epoch=False,
            )
        runner.message_hub.update_info('best_scores', best)


def save_run(runner, step: int) -> None:
    """Save ``iter_N.pth``, where ``--resume`` goes on; all processes call it."""
    average_buffers(runner.model)
    check_finite(runner, step)
    write_run(runner, step)


def write_run(runner, step: int) -> None:
    """Write ``iter_N.pth`` of what is averaged and finite; no process waits for another one."""
    name = f'iter_{step}.pth'
    meta = dict(epoch=runner.epoch, iter=step, **launch_of_this_run())
    runner.save_checkpoint(runner.work_dir, name, meta=meta, by_epoch=False)
    runner.last_saved = step  # the same in all processes
    if is_main_process():
        atomic_write_text(
            osp.join(runner.work_dir, 'last_checkpoint'), osp.join(runner.work_dir, name)
        )


def is_saved(runner, step: int) -> bool:
    """Return whether this call has just saved that iteration."""
    return getattr(runner, 'last_saved', None) == step


def milestone_steps(milestones: Sequence[float], max_iters: int, counts: int = 1) -> list[int]:
    """Return the iterations at which shares of all of them are done.

    With gradient accumulation over ``counts`` iterations it is the nearest one with a step: between
    two steps a checkpoint would lose gradients.
    """
    steps = (counts * max(1, round(share * max_iters / counts)) for share in milestones)
    return [min(step, max_iters) for step in steps]
