from fractions import Fraction

import numpy as np
from mmengine.logging import print_log

from semiseg_mm.datasets.centroids import CentroidIndex, build_index
from semiseg_mm.errors import UserError
from semiseg_mm.registry import DATA_SAMPLERS
from semiseg_mm.structures import SampleRequest

from .source_ratio import SourceRatioSampler
from .stream import ShuffledOrder

CLASS_ORDER, POINT_ORDER = 0xCE01, 0xCE02  # second word of a key; the other orders have 0 and 1


class ClassDraws:
    """An endless list of (image, (y, x)) of one source: the classes in turn, then their points.

    Every pass over the classes has each of them once, in a new order. A class walks through its
    own points likewise. It is addressed by position.
    """

    def __init__(self, index: CentroidIndex, num_classes: int, seed: int, source: int) -> None:
        self.index = index
        rows = [index.rows_of(label) for label in range(num_classes)]
        self.present = [label for label in range(num_classes) if len(rows[label])]
        self.absent = [label for label in range(num_classes) if not len(rows[label])]
        self.rows = [rows[label].astype(np.int32) for label in self.present]
        self.classes = ShuffledOrder(len(self.present), seed, CLASS_ORDER, source)
        self.points = [
            ShuffledOrder(len(self.rows[k]), seed, POINT_ORDER, source, label)
            for k, label in enumerate(self.present)
        ]

    def __getitem__(self, position: int) -> tuple[int, tuple[int, int]]:
        k = self.classes[position]
        row = self.rows[k][self.points[k][position // len(self.present)]]
        return int(self.index.image[row]), (int(self.index.y[row]), int(self.index.x[row]))


@DATA_SAMPLERS.register_module()
class CentroidSampler(SourceRatioSampler):
    """A share of the labeled crops is drawn by class, around a place where the class is.

    The recipe of Zhu et al. (arXiv 2004.14960). With ``fraction=0`` it is SourceRatioSampler.
    The place falls anywhere inside the crop, as ScaleCrop has it. Classes without a place come in
    the other crops only. The index is built when the sampler is, see ``build_index``.

    Args:
        labeled: Labeled images in a process's batch.
        unlabeled: Unlabeled images in a process's batch.
        labeled_only: Leave the unlabeled places out.
        fraction: Share of the labeled serials that is drawn by class: of the first n, over all
            processes, floor(n * fraction).
        tile: Largest side of a tile; None makes each image one tile.
        min_area: Pixels that a class must have in a tile.
        anchor: 'pixel' is always on the class, 'centroid' (the source's) need not be.
        cache_dir: Where the index is kept; '' keeps none.
    """

    def __init__(
        self,
        dataset,
        labeled: int,
        unlabeled: int = 0,
        labeled_only: bool = False,
        fraction: float = 0.5,
        tile: int | None = 1024,
        min_area: int = 16,
        anchor: str = 'pixel',
        cache_dir: str | None = None,
        seed: int | None = None,
    ) -> None:
        super().__init__(dataset, labeled, unlabeled, labeled_only, seed)
        if not 0 <= fraction <= 1:
            raise UserError(f'train_dataloader.sampler.fraction={fraction} is not within 0 to 1.')
        # exact, whatever the serial; 1 / 3 becomes a third
        self.fraction = Fraction(fraction).limit_denominator(10**6)
        self.draws: dict[int, ClassDraws] = {}  # by source
        if not fraction:
            return
        index = build_index(dataset.labeled, tile, min_area, anchor, cache_dir)
        classes = dataset.metainfo['classes']
        draws = ClassDraws(index, len(classes), seed, source=0)
        if draws.present:
            self.draws[0] = draws
        self._report(draws, classes, f'tiles of {tile}, at least {min_area} pixels')

    @staticmethod
    def layout(labeled: int, unlabeled: int = 0, labeled_only: bool = False, **_) -> list[int]:
        return SourceRatioSampler.layout(labeled, unlabeled, labeled_only)

    def request(self, source: int, serial: int, seed: int) -> SampleRequest:
        index, center = self._draw(source, serial)
        return SampleRequest(index=index, serial=serial, seed=seed, center=center)

    def index(self, source: int, serial: int) -> int:
        return self._draw(source, serial)[0]

    def _draw(self, source: int, serial: int) -> tuple[int, tuple[int, int] | None]:
        draws = self.draws.get(source)
        if draws is None:
            return super().index(source, serial), None
        before, after = (s * self.fraction // 1 for s in (serial, serial + 1))
        if after > before:
            return draws[before]
        return super().index(source, serial - before), None

    def _report(self, draws: ClassDraws, classes: tuple, settings: str) -> None:
        text = (
            f'{len(draws.index.label)} class centroids ({settings}); '
            f'{float(self.fraction):.0%} of the labeled crops are drawn around them.'
        )
        if not draws.present:
            text = f'No class centroid was found ({settings}): all crops are drawn at random.'
        elif draws.absent:
            names = ', '.join(str(classes[label]) for label in draws.absent)
            text += f' No centroid for {names}: only crops drawn at random may hold them.'
        print_log(text, 'current', level=30 if draws.absent else 20)
