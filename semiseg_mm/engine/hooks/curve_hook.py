import os.path as osp
import time

from mmengine.dist import is_main_process
from mmengine.hooks import Hook

from semiseg_mm.engine.pictures.curves import curves_of, draw_curves
from semiseg_mm.registry import HOOKS
from semiseg_mm.utils import atomic_path


@HOOKS.register_module()
class CurveHook(Hook):
    """Draw ``curves.png``: losses, kept shares, learning rates and scores of the whole run.

    It is drawn at the end, and after a validation if ``seconds`` have passed since the last one.
    The history is that of the checkpoint, so a resumed run shows what came before as well.

    Args:
        seconds: Between two drawings before the end.
        metric: The score that is shown.
    """

    priority = 'VERY_LOW'  # after the result of a validation is noted
    writes = 'curves.png'

    def __init__(self, seconds: float = 60.0, metric: str = 'mIoU') -> None:
        self.seconds, self.metric = seconds, metric
        self._drawn = time.monotonic()
        self._failed = False

    def after_val_epoch(self, runner, metrics: dict | None = None) -> None:
        if time.monotonic() - self._drawn >= self.seconds:
            self._draw(runner)

    def after_train(self, runner) -> None:
        self._draw(runner)

    def _draw(self, runner) -> None:
        if self._failed or not is_main_process():
            return
        try:
            curves = curves_of(runner.message_hub, runner.iter, self.metric)
            if curves:
                path = osp.join(runner.work_dir, self.writes)
                with atomic_path(path, durable=False) as part:
                    draw_curves(curves, osp.basename(osp.abspath(runner.work_dir)), part)
        except Exception as error:  # a picture is not worth a training
            self._failed = True
            runner.logger.warning(
                f'No more curves: drawing them failed ({type(error).__name__}: {error}).'
            )
        self._drawn = time.monotonic()
