"""Images that a labeled dataset passes over because their names end otherwise."""

import os.path as osp
from collections import Counter

from mmengine import fileio
from mmengine.logging import print_log
from mmseg.datasets import BaseSegDataset
from torch.utils.data import Dataset

from semiseg_mm.utils import counted

from .backends import is_remote
from .identity import fixed_part
from .unlabeled import IMAGE_SUFFIXES, images_below

FOREIGN = (
    '.heic',
    '.heif',
    '.avif',
    '.gif',
    '.jp2',
    '.jfif',
    '.dng',
    '.cr2',
    '.nef',
    '.arw',
    '.psd',
)
FOREIGN_KIND = 'of a kind that is not read here (convert to JPEG or PNG)'


def warn_of_foreign(dataset: Dataset) -> None:
    """Say which pictures in the folders of a dataset are of a kind that no dataset reads."""
    paths = foreign_images(dataset)
    if paths:
        print_log(
            f'Left out: {foreign_named(paths[:1], len(paths))}.',
            'current',
            level=30,
        )


def foreign_named(shown: list[str], count: int) -> str:
    """Say how many pictures are of a kind that is not read, and name some of them."""
    return f'{counted(count, "picture")} {FOREIGN_KIND}: {", ".join(shown)}' + ', …' * (
        count > len(shown)
    )


def foreign_images(dataset: Dataset) -> list[str]:
    """Return the pictures not read in the folder that a dataset lists; lists of ids say enough."""
    prefix = getattr(dataset, 'data_prefix', None) or {}
    if getattr(dataset, 'ann_file', '') or not prefix.get('img_path'):
        return []
    return foreign_pictures(fixed_part(prefix['img_path']))


def foreign_pictures(folder: str) -> list[str]:
    """Return the pictures in a local folder that no dataset reads, a phone's HEIC files say."""
    if is_remote(folder) or not osp.isdir(folder):
        return []
    found = fileio.list_dir_or_file(folder, list_dir=False, recursive=True)
    return sorted(osp.join(folder, name) for name in found if name.lower().endswith(FOREIGN))


def left_out(dataset: Dataset) -> list[str]:
    """mmseg lists one suffix, as it is written: with '.jpg' neither a.JPG nor a.png is seen.

    Datasets with an id list, of another kind or not in a local folder are left alone, and so is a
    file that has the name of a listed image (a mask beside it, say).
    """
    folder = _listed_folder(dataset)
    if folder is None or not dataset.img_suffix.lower().endswith(IMAGE_SUFFIXES):
        return []
    suffix, masks = dataset.img_suffix, dataset.data_prefix.get('seg_map_path') or ''
    end = suffix.rpartition('.')[0]  # '_leftImg8bit' of '_leftImg8bit.png'
    found, listed = [], set()
    for path in images_below(folder):
        stem = path.rpartition('.')[0]
        if path.endswith(suffix):
            listed.add(path[: len(path) - len(suffix)])
        elif stem.lower().endswith(end.lower()) and not _is_mask(path, folder, masks, dataset):
            found.append((stem[: len(stem) - len(end)], path))
    return sorted(path for name, path in found if name not in listed)


def warn_of_left_out(dataset: Dataset, key: str) -> None:
    paths = left_out(dataset)
    if paths:
        print_log(
            f'Left out: {counted(len(paths), "image")} in {_listed_folder(dataset)}, such as '
            f'{paths[0]}: {key}.img_suffix is {dataset.img_suffix!r} (upper and lower case count). '
            'Rename them, so that all end alike.',
            'current',
            level=30,
        )


def what_lies_there(dataset: Dataset) -> str:
    """Of a dataset that found nothing: what it looked for, and what there is instead."""
    folder = _listed_folder(dataset)
    if folder is None:
        return ''
    names = fileio.list_dir_or_file(folder, list_dir=False, recursive=True)
    kinds = Counter(osp.splitext(name)[1] or 'without suffix' for name in names)
    instead = ', '.join(f'{count} {kind}' for kind, count in kinds.most_common(5))
    return (
        f'no file in {folder} ends in img_suffix={dataset.img_suffix!r} (upper and lower case '
        f'count), there are: {instead or "no files at all"}. Set img_suffix, or '
    )


def _listed_folder(dataset: Dataset) -> str | None:
    """The local folder whose listing the dataset is."""
    lists = getattr(type(dataset), 'load_data_list', None) is BaseSegDataset.load_data_list
    if not lists or (dataset.ann_file and not osp.isdir(dataset.ann_file)):
        return None
    folder = dataset.data_prefix.get('img_path') or ''
    local = not is_remote(folder, dataset.backend_args) and osp.isdir(folder)
    return folder if local else None


def _is_mask(path: str, folder: str, masks: str, dataset: Dataset) -> bool:
    if not masks or not path.startswith(osp.join(masks, '')):
        return False
    return osp.normpath(masks) != osp.normpath(folder) or path.endswith(dataset.seg_map_suffix)
