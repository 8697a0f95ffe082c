from pathlib import Path

import numpy as np
import torch
from mmengine.config import Config
from mmengine.dataset import pseudo_collate

from semiseg_mm.engine.checkpoint import safe_load
from semiseg_mm.registry import DATASETS, MODELS
from semiseg_mm.utils import atomic_path

from .training import Training

IMAGES = 5  # the first ones of val: a rule, not a choice by looks


def draw(trainings: list[Training], path: Path) -> None:
    """Rows of images; columns: image, truth, then each training's final prediction."""
    dataset = DATASETS.build(trainings[0].cfg.val_dataloader.dataset)
    samples = [dataset[k] for k in range(min(IMAGES, len(dataset)))]
    palette = np.array(dataset.metainfo['palette'], np.uint8)
    columns = [
        ('image', [s['inputs'].numpy()[::-1].transpose(1, 2, 0) for s in samples]),  # BGR -> RGB
        ('truth', [palette[s['data_samples'].gt_sem_seg.data[0].numpy()] for s in samples]),
    ]
    for t in trainings:
        title = f'{t.method.title}\n{t.method.network}, mIoU {t.result()["mIoU"]:.2f}'
        columns.append((title, [palette[labels] for labels in predict(t, samples)]))
    names = [s['data_samples'].img_path for s in samples]
    _save(columns, names, dict(zip(dataset.metainfo['classes'], palette / 255)), path)


@torch.no_grad()
def predict(training: Training, samples: list[dict]) -> list[np.ndarray]:
    """Labels (H,W) by the reported network of the last checkpoint."""
    model = MODELS.build(Config.fromfile(str(training.dumped_config)).model)
    model.load_state_dict(safe_load(str(training.checkpoint))['state_dict'])
    model.eval()
    with model.predicting_on(training.method.network):
        outputs = model.test_step(pseudo_collate(samples))
    return [output.pred_sem_seg.data[0].numpy() for output in outputs]


def _save(columns: list, names: list[str], classes: dict, path: Path) -> None:
    from matplotlib.backends.backend_agg import FigureCanvasAgg  # whatever the user's backend
    from matplotlib.figure import Figure
    from matplotlib.patches import Patch

    rows = len(names)
    figure = Figure(figsize=(2 * len(columns) + 0.5, 2 * rows + 1.5), layout='constrained')
    axes = figure.subplots(rows, len(columns), squeeze=False)
    for x, (title, images) in enumerate(columns):
        axes[0][x].set_title(title, fontsize=11)
        for y, image in enumerate(images):
            axes[y][x].imshow(image, interpolation='nearest')
            axes[y][x].set(xticks=[], yticks=[])
    for y, name in enumerate(names):
        axes[y][0].set_ylabel(name, fontsize=9)
    patches = [Patch(facecolor=colour, label=name) for name, colour in classes.items()]
    figure.legend(handles=patches, loc='outside lower center', ncols=len(patches), fontsize=11,
                  frameon=False, handlelength=1.2, columnspacing=1.5)  # fmt: skip
    with atomic_path(str(path)) as part:
        FigureCanvasAgg(figure).print_png(part)
