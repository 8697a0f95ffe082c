"""Reading the label maps of a whole dataset, in parallel."""

import contextlib
import hashlib
import os
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import cv2
import numpy as np
from mmcv.transforms import LoadAnnotations, LoadImageFromFile
from rich import get_console
from rich.progress import track
from torch.utils.data import DataLoader, Dataset

from semiseg_mm.errors import UserError

from .backends import fetch
from .transforms import CheckLabels, DrawScale, IgnoreUncertain, LoadConfidence, ScaleCrop

IGNORED = 255
FEW = 64  # up to here neither workers nor a progress bar are worth it


class MaskLoader:
    """The part of a dataset's pipeline that makes the label map which ScaleCrop receives."""

    def __init__(self, dataset: Dataset, num_classes: int, source: str = 'labeled') -> None:
        self.source = f'train_dataloader.dataset.{source}'
        transforms = dataset.pipeline.transforms
        crops = [k for k, t in enumerate(transforms) if isinstance(t, ScaleCrop)]
        if not crops:
            raise UserError(
                f"The pipeline of {self.source} has no dict(type='ScaleCrop'): class centroids and "
                "quotas with balance='labeled' count the labels as they are before it."
            )
        # what is drawn for decoding at a reduced size does not touch label maps
        before = [t for t in transforms[: crops[0]] if not isinstance(t, DrawScale)]
        random = [type(t).__name__ for t in before if type(t).__name__.startswith('Random')]
        if random:
            raise UserError(
                f'{random[0]} stands before ScaleCrop in the pipeline of {self.source}, so places '
                'in an image are not fixed: put it after ScaleCrop, or remove it.'
            )
        labels = (LoadAnnotations, LoadConfidence, IgnoreUncertain)
        plain = (LoadImageFromFile, CheckLabels, *labels)
        if all(isinstance(t, plain) for t in before):  # then the image is not needed
            before = [t for t in before if isinstance(t, labels)]
        self.dataset, self.transforms, self.num_classes = dataset, before, num_classes

    def settings(self) -> list:
        """What besides the stored labels makes a label map."""
        steps = [(type(t).__name__, plain_value(vars(t))) for t in self.transforms]
        for _, values in steps:
            values.pop('reduce_zero_label', None)  # filled in on first use; see digest
        return steps

    def digest(self, index: int) -> str:
        """sha256 of an image's stored labels, and how the dataset maps them."""
        info = self.dataset.get_data_info(index)
        path = info.get('seg_map_path')
        if path:
            backends = [t.backend_args for t in self.transforms if isinstance(t, LoadAnnotations)]
            with self._naming(index, path):
                content = fetch(path, *backends[:1])
        else:
            mask = self.mask(index)
            content = str((mask.shape, mask.dtype.str)).encode() + mask.tobytes()
        if confidence := info.get('confidence_path'):  # filters may have gone by it
            with self._naming(index, confidence):
                content += fetch(confidence)
        maps = repr((info.get('label_map'), info.get('reduce_zero_label'))).encode()
        return hashlib.sha256(content + maps).hexdigest()

    def mask(self, index: int) -> np.ndarray:
        results = self.dataset.get_data_info(index)
        results['num_classes'] = self.num_classes
        with self._naming(index, results.get('seg_map_path')):
            for transform in self.transforms:
                results = transform(results)
            return results['gt_seg_map']  # H,W

    @contextlib.contextmanager
    def _naming(self, index: int, path: str | None) -> Iterator[None]:
        """Decoders do not say which file they failed at."""
        try:
            yield
        except UserError:
            raise
        except Exception as error:
            file = f', {path},' if path else ''
            raise UserError(
                f'The labels of image {index} of {self.source}{file} cannot be read '
                f'({type(error).__name__}: {error}): mend the file or leave the image out.'
            ) from error


def check_binary(source: Dataset, name: str, classes: int, first: Sequence[int]) -> None:
    """Stop if the masks hold 0 and 255 only, though there is more than one class.

    255 is ignored, so the network would see class 0 alone, and score 100. Where the dataset maps
    the stored values, what comes out is meant so.

    Args:
        first: The numbers of the images that are looked at first; all are, if these raise doubts.
    """
    if classes < 2 or mapped(source):
        return
    seen: set[int] = set()
    for index in (*first, *sorted({*range(len(source))} - {*first})):
        values = _stored_values(source, index)
        if values is None or not values <= {0, IGNORED}:
            return
        seen |= values
    if seen == {0, IGNORED}:
        raise UserError(
            f'The masks of {name} hold 0 and 255 only, but there are {classes} classes, and 255 is '
            'ignored: the network would learn class 0 alone, and score 100. If 255 is class 1, '
            'make masks of 0 and 1 with `semiseg_mm new` (docs/en/your_own_data.md).'
        )


def mapped(source: Dataset) -> bool:
    """Return whether a dataset turns the values of its masks into others."""
    return bool(getattr(source, 'reduce_zero_label', False) or getattr(source, 'label_map', None))


def _stored_values(source: Dataset, index: int) -> set[int] | None:
    """Return the values of a mask file; None if the labels come from elsewhere."""
    results = source.get_data_info(index)
    loads = [t for t in source.pipeline.transforms if isinstance(t, LoadAnnotations)]
    if not loads or not results.get('seg_map_path'):
        return None
    for transform in loads:
        results = transform(results)
    return set(np.unique(results['gt_seg_map']).tolist())


def check_label_map(results: dict, pipeline: Any) -> None:
    """Stop, naming the file, if a pipeline cannot load the label map that it starts from."""
    for transform in getattr(pipeline, 'transforms', ()):
        if isinstance(transform, LoadAnnotations):
            try:
                transform(results)
            except UserError:
                raise
            except Exception as error:
                raise UserError(
                    f'The label map {results.get("seg_map_path")} cannot be read '
                    f'({type(error).__name__}: {error}): mend the file or leave the image out.'
                ) from error


class Job(Dataset):
    """A function of an image's number, as worker processes take it; errors travel as text."""

    def __init__(self, function: Callable[[int], Any], size: int) -> None:
        self.function, self.size = function, size

    def __len__(self) -> int:
        return self.size

    def __getitem__(self, index: int) -> tuple[Any, str | None]:
        try:
            return self.function(index), None
        except UserError as error:
            return None, str(error)
        except Exception as error:
            return None, (
                f'The labels of image {index} of train_dataloader.dataset.labeled cannot be read '
                f'({type(error).__name__}: {error}): mend the file or leave the image out.'
            )


def run_all(job: Job, workers: int | None, title: str) -> list:
    if workers is None:
        cores = getattr(os, 'sched_getaffinity', lambda _: range(os.cpu_count() or 1))(0)
        workers = min(8, len(cores)) if len(job) > FEW else 0
    loader = DataLoader(
        job,
        batch_size=None,
        num_workers=workers,
        collate_fn=_same,
        worker_init_fn=_single_thread,
    )
    found = []
    hidden = len(job) <= FEW or not get_console().is_terminal
    for value, error in track(loader, title, len(job), transient=True, disable=hidden):
        if error:
            raise UserError(error)
        found.append(value)
    return found


def _same(item: Any) -> Any:
    return item


def _single_thread(_: int) -> None:
    cv2.setNumThreads(0)


def plain_value(value: Any) -> Any:
    """Settings as JSON takes them; of other objects the type's name and their own settings."""
    if isinstance(value, dict):
        return {str(k): plain_value(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain_value(v) for v in value]
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, np.ndarray):
        return value.tolist()
    with contextlib.suppress(TypeError):
        return [type(value).__name__, plain_value(vars(value))]
    return repr(value)
