"""Where in a dataset with labels each class is: one point per class and tile.

Idea: Zhu et al., arXiv 2004.14960; a centroid per class and tile is what the code of
NVIDIA/semantic-segmentation stores.
"""

import hashlib
import json
import os
import os.path as osp
from collections.abc import Iterable, Iterator
from itertools import islice, pairwise
from typing import NamedTuple

import numpy as np
from mmengine.dist import broadcast_object_list, is_main_process
from mmengine.logging import print_log
from torch.utils.data import Dataset

from semiseg_mm.errors import BrokenImage, UserError
from semiseg_mm.utils import atomic_path, check_choice, preserved_rng

from .mask_reading import Job, MaskLoader, run_all

ANCHORS = ('pixel', 'centroid')
VERSION = 1  # part of the key: raise it when tile_centroids gives other records


class CentroidIndex(NamedTuple):
    """Columns of equal length, ordered by image, tile (row by row), class."""

    image: np.ndarray  # N int32, index in the labeled dataset
    y: np.ndarray  # N int32
    x: np.ndarray  # N int32
    label: np.ndarray  # N int32

    def rows_of(self, label: int) -> np.ndarray:
        return np.flatnonzero(self.label == label)


# ------------------------------------------------------------------ one mask


def tile_centroids(
    mask: np.ndarray,
    num_classes: int,
    tile: int | None = 1024,
    min_area: int = 16,
    anchor: str = 'pixel',
    ignore_index: int = 255,
) -> list[tuple[int, int, int]]:
    """Points (class, y, x) of a label map: at most one for each class in each tile.

    Args:
        tile: Largest side of a tile; None makes the image one tile. A side is cut into equal parts,
            so the tiles cover the image to its borders and none is a sliver.
        min_area: Pixels that a class must have in a tile.
        anchor: 'centroid' is the centre of mass, which can lie off the class (two far parts, a
            ring). 'pixel' is the pixel of the class that is nearest to it (of several, the first
            one row by row), so a crop around it holds the class.
    """
    check_choice('anchor', anchor, ANCHORS)
    points = []
    for top, bottom in tile_bounds(mask.shape[0], tile):
        for left, right in tile_bounds(mask.shape[1], tile):
            part = mask[top:bottom, left:right]
            for label, y, x in _centres(part, num_classes, min_area, anchor, ignore_index):
                points.append((label, top + y, left + x))
    return points


def tile_bounds(length: int, tile: int | None) -> list[tuple[int, int]]:
    """Cut a length into equal parts of at most ``tile``; return where each begins and ends."""
    count = -(-length // tile) if tile else 1
    ends = [length * k // count for k in range(count + 1)]
    return list(pairwise(ends))


def _centres(
    part: np.ndarray, num_classes: int, min_area: int, anchor: str, ignore_index: int
) -> Iterator[tuple[int, int, int]]:
    labels = part.ravel()
    known = (labels >= 0) & (labels < num_classes) & (labels != ignore_index)
    labels = np.where(known, labels, num_classes).astype(np.intp)
    area = np.bincount(labels, minlength=num_classes + 1)
    for label in np.flatnonzero(area[:num_classes] >= max(1, min_area)).tolist():
        ys, xs = np.divmod(np.flatnonzero(labels == label), part.shape[1])
        y, x = ys.mean(), xs.mean()
        if anchor == 'pixel':
            nearest = np.argmin((ys - y) ** 2 + (xs - x) ** 2)
            y, x = ys[nearest], xs[nearest]
        yield label, int(y + 0.5), int(x + 0.5)


# ------------------------------------------------------------------ a dataset


class Labels(NamedTuple):
    """What a dataset's labels are, and where its classes are."""

    digest: str  # of all labels, and of what the pipeline makes of them
    index: CentroidIndex


def build_index(dataset: Dataset, *args, **kwargs) -> CentroidIndex:
    """The index alone, see :func:`read_labels`."""
    return read_labels(dataset, *args, **kwargs).index


def read_labels(
    dataset: Dataset,
    tile: int | None = 1024,
    min_area: int = 16,
    anchor: str = 'pixel',
    cache_dir: str | None = None,
    workers: int | None = None,
    num_classes: int | None = None,
    source: str = 'labeled',
) -> Labels:
    """The points of all images of a dataset with labels.

    The dataset's own pipeline loads the masks, up to ``ScaleCrop``, so label maps and
    ``reduce_zero_label`` count. In a process group rank 0 builds, the others receive.

    Args:
        cache_dir: Where to keep the index. Its name is a hash of the labels and of all settings, so
            other labels never meet an old index. Default: the user's cache folder; '' keeps none.
        workers: Processes that read masks. Default: one for each core, 8 at most.
        num_classes: Default: as many as the dataset names.
        source: Which source of a SemiDataset it is. An image that cannot be read has no point if
            it is one of 'unlabeled'.
    """
    if tile is not None and tile < 1:
        raise UserError(f'tile must be at least 1 pixel, or None for the whole image, not {tile}.')
    found: list = [None, None]
    if is_main_process():
        try:
            with preserved_rng():
                arguments = dict(
                    num_classes=num_classes or len(dataset.metainfo['classes']),
                    tile=tile,
                    min_area=min_area,
                    anchor=anchor,
                    ignore_index=getattr(dataset, 'ignore_index', 255),
                )
                found[0] = _cached(dataset, arguments, cache_dir, workers, source)
        except UserError as error:
            found[1] = str(error)  # the others must not wait for what will not come
    broadcast_object_list(found)
    if found[1]:
        raise UserError(found[1])
    return found[0]


def _cached(
    dataset: Dataset, arguments: dict, cache_dir: str | None, workers: int | None, source: str
) -> Labels:
    loader = MaskLoader(dataset, arguments['num_classes'], source)
    digests = run_all(Job(loader.digest, len(dataset)), workers, 'Hashing labels')
    digest = _sha256(json.dumps(loader.settings(), sort_keys=True), *digests)
    path = None
    if cache_dir != '':
        key = _sha256(json.dumps([VERSION, arguments], sort_keys=True), digest)
        folder = default_cache() if cache_dir is None else osp.expanduser(cache_dir)
        path = osp.join(folder, f'{key[:40]}.npz')
        index = load_index(path, len(dataset), arguments['num_classes'])
        if index is not None:
            return Labels(digest, index)
    job = Job(_Points(loader, arguments, skip_broken=source == 'unlabeled'), len(dataset))
    found = run_all(job, workers, 'Finding class centroids')
    rows = [(image, y, x, label) for image, points in enumerate(found) for label, y, x in points]
    columns = np.array(rows, np.int32).reshape(-1, 4).T
    index = CentroidIndex(*map(np.ascontiguousarray, columns))
    if path:
        _save(path, index)
    return Labels(digest, index)


def _sha256(*lines: str) -> str:
    return hashlib.sha256('\n'.join(lines).encode()).hexdigest()


def default_cache() -> str:
    base = os.environ.get('XDG_CACHE_HOME') or osp.expanduser('~/.cache')
    return osp.join(base, 'semiseg_mm', 'centroids')


def load_index(path: str, num_images: int, num_classes: int) -> CentroidIndex | None:
    """A stored index, or None if there is none that is whole and fits."""
    if not osp.isfile(path):
        return None
    try:
        with np.load(path, allow_pickle=False) as file:
            index = CentroidIndex(*(file[name] for name in CentroidIndex._fields))
        whole = all(c.dtype == np.int32 and c.shape == index.image.shape for c in index)
        whole = whole and index.image.ndim == 1 and (np.stack(index) >= 0).all()
        fits = (index.image < num_images).all() and (index.label < num_classes).all()
        if whole and fits:
            return index
        reason = 'it does not fit the dataset'
    except Exception as error:  # what damaged bytes lead to is anyone's guess
        reason = type(error).__name__
    print_log(f'{path} is damaged ({reason}): it is built again.', 'current', level=30)
    return None


def _save(path: str, index: CentroidIndex) -> None:

    try:
        os.makedirs(osp.dirname(path), exist_ok=True)
        with atomic_path(path) as part, open(part, 'wb') as file:
            np.savez_compressed(file, **index._asdict())
    except (OSError, UserError) as error:
        print_log(
            f'The centroid index could not be kept, so the next run builds it again '
            f'({error.__cause__ or error}). Set train_dataloader.sampler.cache_dir.',
            'current',
            level=30,
        )


class _Points:
    def __init__(self, loader: MaskLoader, arguments: dict, skip_broken: bool = False) -> None:
        self.loader, self.arguments, self.skip_broken = loader, arguments, skip_broken

    def __call__(self, index: int) -> list[tuple[int, int, int]]:
        try:
            mask = self.loader.mask(index)
        except BrokenImage:
            if not self.skip_broken:
                raise
            return []
        return tile_centroids(mask, **self.arguments)


# ------------------------------------------------------------------ what it does to the crops


def crop_histogram(
    dataset: Dataset, requests: Iterable, count: int, view: str = 'labeled'
) -> tuple[np.ndarray, ...]:
    """Of ``count`` labeled crops of a SemiDataset: each class's share of crops, and of pixels.

    A crop counts for a class with one pixel of it; ignored pixels and padding count for none.
    With ``view='pseudo'`` the crops are those of a pseudo-labeled source.
    """
    classes = len(dataset.metainfo['classes'])
    crops, pixels = np.zeros(classes, int), np.zeros(classes, int)
    of_view = (r for r in requests if (r.index < dataset.num_labeled) == (view == 'labeled'))
    for request in islice(of_view, count):
        mask = dataset[request][view]['data_samples'].gt_sem_seg.data.numpy()
        area = np.bincount(mask[(mask >= 0) & (mask < classes)], minlength=classes)
        crops += area > 0
        pixels += area
    return crops / count, pixels / max(1, pixels.sum())
