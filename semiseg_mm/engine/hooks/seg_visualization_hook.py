import os.path as osp
from collections.abc import Sequence

import cv2
import numpy as np
import torch
from mmseg.engine.hooks import SegVisualizationHook as OfFiles
from mmseg.structures import SegDataSample

from semiseg_mm.registry import HOOKS


@HOOKS.register_module()
class SegVisualizationHook(OfFiles):
    """Draw predictions as mmseg's hook of that name does, on the images that the network saw.

    mmseg's opens the image files again. Shapes have none, and remote ones would be fetched twice.
    """

    def after_val_iter(
        self, runner, batch_idx: int, data_batch: dict, outputs: Sequence[SegDataSample]
    ) -> None:
        step = runner.iter + batch_idx
        if self.draw and step % self.interval == 0:
            self._show('val', data_batch['inputs'][0], outputs[0], step)

    def after_test_iter(
        self, runner, batch_idx: int, data_batch: dict, outputs: Sequence[SegDataSample]
    ) -> None:
        if not self.draw:
            return
        for image, sample in zip(data_batch['inputs'], outputs, strict=True):
            self._test_index += 1
            self._show('test', image, sample, self._test_index)

    def _show(self, stage: str, image: torch.Tensor, sample, step: int) -> None:
        self._visualizer.add_datasample(
            f'{stage}_{osp.basename(sample.img_path)}',
            _picture(image, sample.ori_shape),
            data_sample=sample,
            show=self.show,
            wait_time=self.wait_time,
            step=step,
        )


def _picture(image: torch.Tensor, size: tuple[int, int]) -> np.ndarray:
    """Return an image as it was loaded (C,H,W, blue first) as H,W,3, red first, in its own size."""
    image = image[:3].expand(3, -1, -1).flip(0)
    picture = np.ascontiguousarray(image.permute(1, 2, 0).cpu().numpy().astype(np.uint8))
    if picture.shape[:2] != tuple(size):
        picture = cv2.resize(picture, (size[1], size[0]), interpolation=cv2.INTER_LINEAR)
    return picture
