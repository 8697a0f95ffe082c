import hashlib
import inspect
import os
from collections.abc import Sequence
from typing import NamedTuple

from mmcv.transforms import CenterCrop, LoadAnnotations, Pad
from mmseg.datasets.transforms import PackSegInputs
from torch import Tensor
from torch.utils.data import Dataset

from semiseg_mm.datasets.backends import build_source, is_remote
from semiseg_mm.datasets.identity import image_paths, image_root, sample_ids
from semiseg_mm.datasets.pseudo_labeled import files_beside
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

ENDS = (ScaleCrop, MultiView, PackSemiInputs, PackSegInputs, CenterCrop, Pad)
OF_LABELS = (LoadAnnotations, CheckLabels, LoadConfidence, IgnoreUncertain)


class Loaded(NamedTuple):
    index: int
    image: Tensor | None  # C,H,W uint8, as the network gets it; None: it cannot be read
    size: tuple[int, int] | None = None  # (h, w) that the image itself has
    reason: str | None = None  # why it cannot be read


class ImageSource(Dataset):
    """Whole unlabeled images, loaded (and resized) as their pipeline in training does it.

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

    def check_names(self) -> None:
        """Refuse images whose label maps could not be told apart, or not be listed."""
        paths = image_paths(self.dataset)
        files_beside(paths, image_root(self.dataset), '')
        broken = [path for path in paths if '\n' in path]
        if broken:
            raise UserError(f'The name of the image {broken[0]!r} has a line break: rename it.')

    def state(self, indices: Sequence[int]) -> str:
        """Hash of the images' file sizes and times; of those that are no local files, nothing."""
        backend_args = getattr(self.dataset, 'backend_args', None)
        paths = (self.dataset.get_data_info(self.rows[k])['img_path'] for k in indices)
        found = [None if is_remote(path, backend_args) else _stat(path) for path in paths]
        return hashlib.sha256(repr(found).encode()).hexdigest()[:16]

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, index: int) -> Loaded:
        try:
            with preserved_rng():
                seed_all(self.rows[index])  # should a transform draw after all
                results = self.dataset.pipeline(self.dataset.get_data_info(self.rows[index]))
        except BrokenImage as error:
            return Loaded(index, None, reason=error.reason or str(error))
        image = to_channels_first(results['img'])
        return Loaded(index, image, tuple(results.get('ori_shape', image.shape[1:]))[:2])


def _stat(path: str) -> tuple[int, int] | None:
    try:
        state = os.stat(path)
    except (OSError, ValueError):
        return None
    return state.st_size, int(state.st_mtime)  # archives keep no fractions of seconds


def loading_part(pipeline: Sequence[dict]) -> list[dict]:
    """What stands before the first crop, padding or random transform, without labels and DrawScale.

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
