"""Runs the networks of the last checkpoint over validation images: which are worst?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property
from itertools import combinations
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from mmengine.config import Config
from mmengine.dataset import BaseDataset
from torch import Tensor

from semiseg_mm.apis.command import load_config
from semiseg_mm.apis.predict import TrainedNetwork, load, memory_named
from semiseg_mm.datasets.backends import build_source, with_backend
from semiseg_mm.datasets.checks import check_paths
from semiseg_mm.datasets.identity import sample_ids
from semiseg_mm.datasets.splits import apply_split
from semiseg_mm.datasets.transforms.bands import to_picture
from semiseg_mm.engine.inference import ImageSource
from semiseg_mm.engine.inference.agreement import mean_ious
from semiseg_mm.engine.inference.progress import Progress
from semiseg_mm.errors import UserError
from semiseg_mm.models.sketch import sketch
from semiseg_mm.utils.confusion import areas, confusion

IGNORED = 255


class Look(NamedTuple):
    """How well the predicting network labels one image."""

    place: int  # among the validation images
    iou: float
    accuracy: float


class Views(NamedTuple):
    """One image to be shown: H,W,3, blue first; label maps and confidence H,W."""

    name: str
    image: np.ndarray
    label: np.ndarray
    confidence: np.ndarray
    truth: np.ndarray | None = None


class Networks:
    """Hold the networks of a run's last checkpoint, and the images that it was validated on.

    Args:
        most: Look at so many validation images at most, which are spread evenly.
    """

    def __init__(self, folder: Path, most: int, device: str | None = None) -> None:
        self.folder, self.most, self.device = folder, most, device
        self.agreement: dict[tuple[str, str], float] = {}

    @cached_property
    def main(self) -> TrainedNetwork:
        """Return the network that the method predicts with."""
        return load(self.folder, device=self.device)

    @cached_property
    def others(self) -> dict[str, TrainedNetwork]:
        """Return the other networks that are validated."""
        own = self.main.source.network
        names = sketch(self.config.model).evaluated if own else []
        return {
            name: load(self.folder, network=name, device=self.device)
            for name in names
            if name != own
        }

    @property
    def checkpoint(self) -> str:
        """Return what predicts, in words."""
        name, network = Path(self.main.source.files.checkpoint).name, self.main.source.network
        return f'{name} ({network})' if network else name

    @cached_property
    def config(self) -> Config:
        return load_config(self.main.source.files.config)

    @cached_property
    def validated(self) -> BaseDataset:
        """Return the validation images, with their masks."""
        for name in ('val_dataloader', 'test_dataloader'):
            dataset = (self.config.get(name) or {}).get('dataset')
            if dataset:
                check_paths(dataset, f'{name}.dataset')
                return build_source(dataset)
        raise UserError('The config names no validation images.')

    @cached_property
    def names(self) -> list[str]:
        """Return what the validation images are called."""
        if hasattr(self.validated, 'data_prefix'):  # which datasets that are joined have not
            return sample_ids(self.validated)
        return [f'image {index}' for index in range(len(self.validated))]

    @cached_property
    def unlabeled(self) -> ImageSource | None:
        """Return the unlabeled images of the training, without any mask."""
        dataset = apply_split(self.config.train_dataloader.dataset.to_dict())
        check_paths(dataset, 'train_dataloader.dataset')
        source = with_backend(dataset.get('unlabeled'), dataset.get('backend_args'))
        return ImageSource(source) if source else None

    # ------------------------------------------------------------------ all images

    @cached_property
    def looks(self) -> list[Look]:
        """Return the score of each image that is looked at, the worst first."""
        places, found = spread(len(self.validated), self.most), []
        with memory_named(), Progress(len(places)) as progress:
            for index in places:
                found.append(self._look(index))
                progress.advance(1)
        return sorted(found, key=lambda look: (look.iou, look.accuracy, look.place))

    @cached_property
    def table(self) -> Tensor:
        """Return the confusions of all images that were looked at."""
        size = self.classes + 1
        return torch.zeros(size, size, dtype=torch.long)

    @property
    def classes(self) -> int:
        return len(self.main.classes)

    def _look(self, index: int) -> Look:
        image, truth, _ = self._sample(index)
        label = self._label(self.main, image, truth.shape)
        table = confusion(truth.flatten()[None], label.flatten()[None], self.classes, IGNORED)[0]
        self.table += table
        both, either, _, truths = (part.double() for part in areas(table))
        present = max(1, int((either > 0).sum()))
        labels = {str(self.main.source.network): label}
        for name, network in self.others.items():
            labels[name] = self._label(network, image, truth.shape)
        self._compare(labels)
        iou = float((both / either.clamp(min=1)).sum()) / present
        return Look(index, iou, float(both.sum() / truths.sum().clamp(min=1)))

    def _compare(self, labels: dict[str, Tensor]) -> None:
        for one, other in combinations(labels, 2):
            found = mean_ious(labels[one][None], labels[other][None], self.classes)
            before = self.agreement.get((one, other), 0.0)
            self.agreement[one, other] = before + float(found)

    def _label(self, network: TrainedNetwork, image: Tensor, size: Sequence[int]) -> Tensor:
        return network.predictor.predict([image], size=tuple(size)).label[0].cpu()

    def _sample(self, index: int) -> tuple[Tensor, Tensor, str]:
        sample = self.validated[index]
        about = sample['data_samples']
        if 'gt_sem_seg' not in about:
            raise UserError('The validation images have no masks.')
        return sample['inputs'], about.gt_sem_seg.data[0], self.names[index]

    # ------------------------------------------------------------------ images to be shown

    def view(self, index: int) -> Views:
        """Return a validation image with its truth."""
        image, truth, name = self._sample(index)
        return self._views(name, image, tuple(truth.shape), truth.numpy().astype(np.uint8))

    def unlabeled_views(self, count: int) -> Iterator[Views]:
        """Yield unlabeled images, which are spread evenly; those that cannot be read are left."""
        source = self.unlabeled
        if source is None:
            return
        for index in spread(len(source), count):
            found = source[index]
            if found.image is not None:
                yield self._views(source.ids[index], found.image, found.size)

    def _views(
        self, name: str, image: Tensor, size: tuple[int, int], truth: np.ndarray | None = None
    ) -> Views:
        found = self.main.predictor.predict([image], confidence=True, size=size)
        label, confidence = (one[0].cpu().numpy() for one in (found.label, found.confidence))
        return Views(name, self._picture(image), label, confidence, truth)

    def _picture(self, image: Tensor) -> np.ndarray:
        """Return an image as one looks at it."""
        picture = to_picture(image.permute(1, 2, 0).cpu().numpy().astype(np.uint8))
        swapped = getattr(self.main.preprocessor, '_channel_conversion', True)
        return picture if swapped or image.shape[0] == 1 else picture[..., ::-1]


def spread(count: int, most: int) -> list[int]:
    """Return so many of ``count`` places at most, at equal distances."""
    most = min(count, most)
    return [k * count // most for k in range(most)]
