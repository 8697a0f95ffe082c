from collections.abc import Sequence
from fractions import Fraction

import numpy as np
from mmengine.logging import print_log

from semiseg_mm.datasets.centroids import ANCHORS, CentroidIndex, read_labels
from semiseg_mm.errors import UserError
from semiseg_mm.registry import DATA_SAMPLERS
from semiseg_mm.structures import SampleRequest
from semiseg_mm.utils import check_choice, nearest

from .source_ratio import SourceRatioSampler
from .stream import ShuffledOrder

SOURCES = dict(labeled=0, unlabeled=1)
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
    """A share of the crops with labels is drawn by class, around a place where the class is.

    The recipe of Zhu et al. (arXiv 2004.14960). With ``fraction=0`` it is SourceRatioSampler.
    The place falls anywhere inside the crop, as ScaleCrop has it. Classes without a place come in
    the other crops only. The labeled and a pseudo-labeled source have an index each; it is built
    when the sampler is, see ``read_labels``.

    Args:
        labeled: Labeled images in a process's batch.
        unlabeled: Unlabeled images in a process's batch.
        labeled_only: Leave the unlabeled places out.
        fraction: Share of a source's serials that is drawn by class: of the first n, over all
            processes, floor(n * fraction).
        sources: Names of the sources that are drawn from by class, of 'labeled' and 'unlabeled'.
            Default: all that have label maps.
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
        sources: Sequence[str] | None = None,
        tile: int | None = 1024,
        min_area: int = 16,
        anchor: str = 'pixel',
        cache_dir: str | None = None,
        seed: int | None = None,
    ) -> None:
        super().__init__(dataset, labeled, unlabeled, labeled_only, seed=seed)
        if not 0 <= fraction <= 1:
            raise UserError(f'train_dataloader.sampler.fraction={fraction} is not within 0 to 1.')
        check_choice('train_dataloader.sampler.anchor', anchor, ANCHORS)
        # exact, whatever the serial; 1 / 3 becomes a third
        self.fraction = Fraction(fraction).limit_denominator(10**6)
        self.settings = dict(tile=tile, min_area=min_area, anchor=anchor)
        self.draws: dict[int, ClassDraws] = {}  # by source
        self.digests: dict[str, str] = {}  # of the labels, by source
        chosen = self._choose(sources)
        for name in chosen if fraction else ():
            self._add(name, cache_dir)

    def _choose(self, sources: Sequence[str] | None) -> list[str]:
        """The named sources, less those that have no place in a batch."""
        having = list(self.dataset.label_sources)
        sources = [sources] if isinstance(sources, str) else sources
        for name in sources or ():
            if name not in having:
                raise UserError(
                    f"train_dataloader.sampler.sources names '{name}', but label maps have: "
                    f'{", ".join(having)}. An unlabeled source has them as a PseudoLabeledDataset.'
                    f'{nearest(name, having)}'
                )
        chosen = having if sources is None else sources
        return [name for name in having if name in chosen and SOURCES[name] in self.places]

    def _add(self, name: str, cache_dir: str | None) -> None:
        source, classes = SOURCES[name], self.dataset.metainfo['classes']
        labels = read_labels(
            self.dataset.label_sources[name],
            **self.settings,
            cache_dir=cache_dir,
            num_classes=len(classes),
            source=name,
        )
        self.digests[name] = labels.digest
        draws = ClassDraws(labels.index, len(classes), self.seed, source)
        if draws.present:
            self.draws[source] = draws
        self._report(name, draws, classes)

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
            image, center = draws[before]
            return self.offset(source) + image, center
        return super().index(source, serial - before), None

    def identity(self) -> dict:
        return dict(
            fraction=str(self.fraction),
            sources=list(self.digests),
            **self.settings,
            labels=dict(self.digests),
        )

    def _report(self, name: str, draws: ClassDraws, classes: tuple) -> None:
        settings = 'tiles of {tile}, at least {min_area} pixels'.format(**self.settings)
        kind = 'labeled' if name == 'labeled' else 'pseudo-labeled'
        text = (
            f'{len(draws.index.label)} class centroids ({settings}); '
            f'{float(self.fraction):.0%} of the {kind} crops are drawn around them.'
        )
        if not draws.present:
            text = (
                f'No class centroid was found in the {kind} images ({settings}): all crops are '
                'drawn at random.'
            )
        elif draws.absent:
            names = ', '.join(str(classes[label]) for label in draws.absent)
            text += f' No centroid for {names}: only crops drawn at random may hold them.'
        print_log(text, 'current', level=30 if draws.absent else 20)
