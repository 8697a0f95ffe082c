"""Cityscapes' label ids as the 19 train ids, without its own scripts."""

import glob
import os.path as osp

import numpy as np
from mmseg.datasets import CityscapesDataset

from semiseg_mm.apis.command import guarded
from semiseg_mm.errors import UserError
from semiseg_mm.parsers import converters

from .common import (
    convert_masks,
    find_root,
    link_folder,
    map_ids,
    read_mask,
    report,
)

TRAINED = (7, 8, 11, 12, 13, 17, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 31, 32, 33)
TRAIN_IDS = {**dict.fromkeys([*range(34), 255], 255), **{k: n for n, k in enumerate(TRAINED)}}
PALETTE = CityscapesDataset.METAINFO['palette']
FINE = ('gtFine', ('train', 'val'))  # the masks of test are empty
COARSE = ('gtCoarse', ('train', 'train_extra', 'val'))


def run_cityscapes(argv: list[str] | None = None) -> int:
    args = converters.cityscapes().parse_args(argv)
    return guarded(lambda args: cityscapes(**vars(args)), args)


def cityscapes(
    source: str,
    out: str,
    workers: int | None = None,
    overwrite: bool = False,
    coarse: bool = False,
) -> None:
    root = find_root(source, 'gtFine', ('cityscapes',), 'gtFine_trainvaltest.zip')
    jobs = []
    for kind, splits in (FINE, COARSE) if coarse else (FINE,):
        found = [job for split in splits for job in _jobs(root, out, kind, split)]
        if not found:
            raise UserError(
                f'{osp.join(root, kind)} holds no <split>/<city>/*_labelIds.png: unpack {kind} '
                'again, or leave out --coarse.'
            )
        jobs += found
    link_folder(root, out, 'leftImg8bit')
    written = convert_masks(jobs, to_train_ids, PALETTE, workers, overwrite)
    report(out, written, len(jobs), 'configs/_base_/datasets/cityscapes.py')


def _jobs(root: str, out: str, kind: str, split: str) -> list[tuple[str, str]]:
    base = osp.join(root, kind, split)
    names = glob.glob(f'*/*_{kind}_labelIds.png', root_dir=base)
    targets = [name.replace('_labelIds.png', '_labelTrainIds.png') for name in sorted(names)]
    return [
        (osp.join(base, name), osp.join(out, kind, split, target))
        for name, target in zip(sorted(names), targets)
    ]


def to_train_ids(path: str) -> np.ndarray:
    return map_ids(read_mask(path), TRAIN_IDS, path)
