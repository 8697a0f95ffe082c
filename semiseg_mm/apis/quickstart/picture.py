import contextlib
import time
from pathlib import Path

import numpy as np
import torch
from mmengine.dataset import pseudo_collate
from PIL import Image

from semiseg_mm.engine.checkpoint import checkpoints, safe_load
from semiseg_mm.engine.pictures import Look, draw_sheet
from semiseg_mm.errors import UserError
from semiseg_mm.registry import DATASETS, MODELS
from semiseg_mm.utils import atomic_path
from semiseg_mm.utils.places import short_path

from .methods import Trained

IMAGES = 5  # the first ones of val: a rule, not a choice by looks
EVERY = 20.0  # seconds between two drawings: they take time from the trainings


class Picture:
    """Rows of images; columns: image, truth, then each training's prediction so far."""

    def __init__(self, trained: list[Trained], path: Path) -> None:
        self.trained, self.path = trained, path
        self.shown: dict[str, int] = {}  # by method, the iteration that is drawn
        self.at = float('-inf')

    def follow(self) -> None:
        """Draw anew where a training has come further; what is half there is drawn later."""
        if time.monotonic() - self.at < EVERY or self._newest() == self.shown:
            return
        first = not self.shown
        with contextlib.suppress(UserError, FileNotFoundError):  # a checkpoint may just go
            if self.draw() and first:
                print(f'A first picture, redrawn as they go on: {short_path(self.path)}')
        self.at = time.monotonic()

    def draw(self) -> bool:
        """Draw what the trainings have come to; return whether there is something."""
        newest = self._newest()
        if not newest:
            return False
        dataset = DATASETS.build(self.trained[0].run.cfg.val_dataloader.dataset)
        samples = [dataset[k] for k in range(min(IMAGES, len(dataset)))]
        palette = np.array(dataset.metainfo['palette'], np.uint8)
        columns = [
            ('image', [s['inputs'].numpy()[::-1].transpose(1, 2, 0) for s in samples]),  # BGR: RGB
            ('truth', [palette[s['data_samples'].gt_sem_seg.data[0].numpy()] for s in samples]),
        ]
        for one in self.trained:
            if one.method.key in newest:
                title = f'{one.method.title}: {_state(one, newest)}'
                columns.append((title, [palette[labels] for labels in predict(one, samples)]))
        rows = [
            Look(sample['data_samples'].img_path, [(title, own[k]) for title, own in columns])
            for k, sample in enumerate(samples)
        ]
        sheet = draw_sheet(rows, dataset.metainfo['classes'], palette)
        with atomic_path(str(self.path)) as part:
            Image.fromarray(sheet).save(part, format='PNG')
        self.shown = newest
        return True

    def _newest(self) -> dict[str, int]:
        found = {one.method.key: checkpoints(str(one.run.folder)) for one in self.trained}
        return {key: max(own) for key, own in found.items() if own}


def _state(one: Trained, newest: dict[str, int]) -> str:
    if one.score is not None:
        return f'mIoU {one.score:.2f}'
    return f'{newest[one.method.key]} of {one.run.iters}'


@torch.no_grad()
def predict(one: Trained, samples: list[dict]) -> list[np.ndarray]:
    """Labels (H,W) by the reported network of the newest checkpoint."""
    model = MODELS.build(one.run.cfg.model)
    path = list(checkpoints(str(one.run.folder)).values())[-1]
    model.load_state_dict(safe_load(path)['state_dict'])
    model.eval()
    with model.predicting_on(one.method.network):
        outputs = model.test_step(pseudo_collate(samples))
    return [output.pred_sem_seg.data[0].numpy() for output in outputs]
