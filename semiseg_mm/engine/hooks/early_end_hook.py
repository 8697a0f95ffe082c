from mmengine.dist import is_main_process
from mmengine.hooks import EarlyStoppingHook, Hook

from semiseg_mm.registry import HOOKS

from .atomic_checkpoint_hook import save_run
from .result_hook import EARLY, ResultHook

KEY = 'early_stopping'


@HOOKS.register_module()
class EarlyEndHook(Hook):
    """Let a training that EarlyStoppingHook ends be a finished one.

    It saves the last iteration, notes the end in ``results.json`` and in the checkpoint, and lets
    ``--resume`` of that end at once. What EarlyStoppingHook has counted survives a resume.
    SemiRunner has it, whatever the config says.
    """

    priority = 'VERY_LOW'  # before StopHook looks whether a signal came meanwhile

    def before_train(self, runner) -> None:
        ended = runner.message_hub.runtime_info.get(EARLY)
        if not ended or ended != runner.iter or not _judges(runner):
            runner.message_hub.update_info(EARLY, 0)  # it goes on after all
            return
        runner.train_loop.stop_training = True
        if is_main_process():
            runner.logger.warning(
                f'This run is finished: EarlyStoppingHook ended it at iteration {ended} of '
                f'{runner.max_iters}. To train on, take the hook out of the config.'
            )

    def after_train(self, runner) -> None:
        if not runner.train_loop.stop_training or runner.iter >= runner.max_iters:
            return
        if runner.message_hub.runtime_info.get(EARLY) != runner.iter:
            runner.message_hub.update_info(EARLY, runner.iter)
            save_run(runner, runner.iter)  # again, if it was saved before it was judged
        for hook in runner.hooks:
            if isinstance(hook, ResultHook):
                hook.write(runner)

    # ------------------------------------------------------------------ what mmengine forgets

    def before_save_checkpoint(self, runner, checkpoint: dict) -> None:
        counted = [(hook.wait_count, float(hook.best_score)) for hook in _judges(runner)]
        if counted:
            checkpoint[KEY] = counted

    def after_load_checkpoint(self, runner, checkpoint: dict) -> None:
        counted = checkpoint.pop(KEY, ())
        if runner._resume and len(counted) == len(_judges(runner)):
            for hook, (waited, best) in zip(_judges(runner), counted, strict=True):
                hook.wait_count, hook.best_score = waited, best


def _judges(runner) -> list[EarlyStoppingHook]:
    return [hook for hook in runner.hooks if isinstance(hook, EarlyStoppingHook)]
