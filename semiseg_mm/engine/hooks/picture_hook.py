from __future__ import annotations

import os.path as osp

from mmengine.dist import all_gather_object, is_main_process
from mmengine.hooks import Hook
from mmengine.visualization import LocalVisBackend
from PIL import Image

from semiseg_mm.datasets.samplers import RequestStream, sampler_of
from semiseg_mm.engine.pictures import draw_sheet, first_batch, look_at
from semiseg_mm.errors import UserError
from semiseg_mm.models import SemiSegmentor
from semiseg_mm.registry import HOOKS
from semiseg_mm.utils import atomic_path, make_folder, unwrapped

FOLDER = 'pictures'


@HOOKS.register_module()
class PictureHook(Hook):
    """Draw now and then what the training sees: ``pictures/iter_N.png``.

    The same images each time, the first ones of the stream: every view, the label that the teacher
    (or the network itself) makes now, its confidence, and what of it counts. Other back ends of the
    visualizer (TensorBoard, …) get the picture, too. The training is the same, bit for bit, with
    and without it.

    Args:
        interval: Iterations between pictures; None: at most ``times`` over the training.
        times: How many pictures, if there is no interval.
        labeled, unlabeled: How many images of each source.
    """

    priority = 'VERY_LOW'
    writes = f'{FOLDER}/'

    def __init__(
        self, interval: int | None = None, times: int = 8, labeled: int = 2, unlabeled: int = 6
    ) -> None:
        if labeled < 1 or unlabeled < 2:
            raise UserError(
                'labeled of PictureHook must be at least 1, unlabeled at least 2 (they are mixed). '
                'For no pictures set default_hooks.pictures=None.'
            )
        self.interval, self.times = interval, times
        self.labeled, self.unlabeled = labeled, unlabeled
        self._data: dict | None = None
        self._failed = False

    def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None) -> None:
        interval = self.interval or -(-runner.max_iters // max(1, self.times))
        done = runner.iter + 1
        if done % interval and done != runner.max_iters:
            return
        if any(all_gather_object(self._failed)):  # all look, or none: a method may gather
            return
        try:
            self._draw(runner, done)
        except Exception as error:  # a picture is not worth a training
            self._failed = True
            runner.logger.warning(
                f'No more pictures: drawing one failed ({type(error).__name__}: {error}).'
            )

    def _draw(self, runner, done: int) -> None:
        model = unwrapped(runner.model)
        stream = sampler_of(runner.train_dataloader)
        if not isinstance(model, SemiSegmentor) or not isinstance(stream, RequestStream):
            self._failed = True
            return
        if self._data is None:
            self._data = first_batch(stream, self.labeled, self.unlabeled)
        about = stream.dataset.metainfo
        palette = about.get('palette') or []
        looks = look_at(model, self._data, palette)
        if not is_main_process():
            return
        sheet = draw_sheet(looks, about.get('classes') or (), palette)
        path = osp.join(runner.work_dir, FOLDER, f'iter_{done:06d}.png')
        make_folder(osp.dirname(path))
        with atomic_path(path, durable=False) as part:
            Image.fromarray(sheet).save(part, format='PNG')
        for backend in runner.visualizer._vis_backends.values():
            if not isinstance(backend, LocalVisBackend):  # the file is there already
                backend.add_image('views', sheet, done)
