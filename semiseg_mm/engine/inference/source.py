import inspect
from collections.abc import Sequence

from mmcv.transforms import LoadAnnotations
from mmseg.datasets.transforms import PackSegInputs
from torch import Tensor
from torch.utils.data import Dataset

from semiseg_mm.datasets.backends import build_source
from semiseg_mm.datasets.identity import sample_ids
from semiseg_mm.datasets.transforms import (
    CheckLabels,
    DrawScale,
    IgnoreUncertain,
    LoadConfidence,
    MultiView,
    PackSemiInputs,
    ScaleCrop,
)
from semiseg_mm.datasets.transforms.pack import to_channels_first
from semiseg_mm.errors import BrokenImage, UserError
from semiseg_mm.registry import TRANSFORMS
from semiseg_mm.utils import preserved_rng, seed_all

ENDS = (ScaleCrop, MultiView, PackSemiInputs, PackSegInputs)
OF_LABELS = (LoadAnnotations, CheckLabels, LoadConfidence, IgnoreUncertain)
Loaded = tuple[int, Tensor | None, str | None]


class ImageSource(Dataset):
    """Whole unlabeled images, loaded as their pipeline in training loads them.

    Args:
        dataset: Config of the unlabeled source, of any type. No label is read.
        wanted: Ids of the images that are asked for, in the source's order; None: all.
    """

    def __init__(self, dataset: dict, wanted: Sequence[str] | None = None) -> None:
        self.dataset = build_source(
            {**dataset, 'pipeline': loading_part(dataset.get('pipeline') or ())}
        )
        ids = sample_ids(self.dataset)
        self.rows = list(range(len(ids)))
        if wanted is not None:
            among = set(wanted)
            self.rows = [row for row in self.rows if ids[row] in among]
            lost = sorted(among - set(ids))
            if lost:
                raise UserError(
                    f'{len(lost)} of the images to predict are not among the unlabeled images: '
                    f'{lost[0]}, …'
                )
        self.ids = [ids[row] for row in self.rows]

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, index: int) -> Loaded:
        """(index, image C,H,W uint8, None), or (index, None, why it cannot be read)."""
        try:
            with preserved_rng():
                seed_all(self.rows[index])  # should a transform draw after all
                results = self.dataset.pipeline(self.dataset.get_data_info(self.rows[index]))
        except BrokenImage as error:
            return index, None, error.reason or str(error)
        return index, to_channels_first(results['img']), None


def loading_part(pipeline: Sequence[dict]) -> list[dict]:
    """What stands before the first crop or random transform, without labels and DrawScale.

    (After DrawScale a JPEG would be decoded at less than its size.)
    """
    part = []
    for step in pipeline:
        kind = step['type'] if isinstance(step, dict) else type(step)
        kind = TRANSFORMS.get(kind) if isinstance(kind, str) else kind
        kind = kind if inspect.isclass(kind) else object
        if issubclass(kind, ENDS) or kind.__name__.startswith('Random'):
            break
        if not issubclass(kind, (DrawScale, *OF_LABELS)):
            part.append(step)
    if not part:
        raise UserError(
            'Nothing in the pipeline of the unlabeled source loads an image before ScaleCrop: '
            "begin train_dataloader.dataset.unlabeled.pipeline with dict(type='LoadImage')."
        )
    return part
