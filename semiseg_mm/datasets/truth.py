"""True labels of images that count as unlabeled: for reports on pseudo labels only."""

from collections.abc import Sequence

import numpy as np

from semiseg_mm.errors import UserError
from semiseg_mm.registry import DATASETS

from .identity import sample_ids
from .transforms.load_labels import class_numbers


class TrueLabels:
    """From an image's id to its label map.

    Args:
        dataset: Config of a dataset with labels. Its pipeline loads image and labels and does no
            more; ids are paths below its image folder, as those of the unlabeled source.
    """

    def __init__(self, dataset: dict, num_classes: int) -> None:
        self.dataset = DATASETS.build(dataset)
        self.num_classes = num_classes
        self.rows = {name: row for row, name in enumerate(sample_ids(self.dataset))}

    def check(self, names: Sequence[str]) -> None:
        lost = [name for name in names if name not in self.rows]
        if lost:
            raise UserError(
                f'truth of a stage has no labels for {len(lost)} of {len(names)} images, such as '
                f'{lost[0]}; it has some for {next(iter(self.rows), "none")}. Ids are paths below '
                "the image folders: correct truth's folders or id list."
            )

    def __call__(self, name: str) -> np.ndarray:
        results = self.dataset.get_data_info(self.rows[name])
        results['num_classes'] = self.num_classes
        mask = self.dataset.pipeline(results)['gt_seg_map']  # H,W
        return class_numbers(mask, results.get('seg_map_path', name))
