from collections.abc import Sequence

import torch
from torch import Tensor

from semiseg_mm.registry import MODELS
from semiseg_mm.structures import MixMask, PseudoLabel, View
from semiseg_mm.utils import check_count

from .class_mix import ClassMix


@MODELS.register_module()
class ComplexMix(ClassMix):
    """Paste objects of another image in some cells of a grid (Chen et al. 2021, a reconstruction).

    Args:
        grids: How many cells a grid has in height and in width; one of these numbers is drawn for
            each batch. Half of the cells of each image are pasted into.
        kwargs: Those of ``ClassMix``.
    """

    def __init__(self, grids: Sequence[int] = (2, 4, 8), **kwargs) -> None:
        super().__init__(**kwargs)
        for count in grids:
            check_count('grids', count, 'ComplexMix', least=2)
        self.grids = tuple(grids)

    def draw(
        self, images: Tensor, target: PseudoLabel | None = None, labeled: View | None = None
    ) -> MixMask:
        mix = super().draw(images, target, labeled)
        count = self.grids[int(torch.randint(len(self.grids), ()))]
        order = torch.rand(len(images), count * count).argsort(1).argsort(1)
        cells = (order < count * count // 2).view(-1, count, count)
        rows, columns = (torch.arange(n) * count // n for n in images.shape[2:])
        cells = cells[:, rows][:, :, columns].to(mix.mask.device, non_blocking=True)
        return mix._replace(mask=mix.mask & cells)
