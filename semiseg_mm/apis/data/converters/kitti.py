"""KITTI's semantic benchmark: label ids as Cityscapes' 19 train ids, and lists."""

import glob
import os.path as osp

from semiseg_mm.apis.command import guarded
from semiseg_mm.errors import UserError
from semiseg_mm.parsers import converters

from ..split_files import write_lists
from .cityscapes import PALETTE, to_train_ids
from .common import convert_masks, find_root, link_folder, report

MASKS = 'training/semantic'
VAL_SHARE = 5  # the last fifth


def run_kitti(argv: list[str] | None = None) -> int:
    return guarded(lambda args: kitti(**vars(args)), converters.kitti().parse_args(argv))


def kitti(source: str, out: str, workers: int | None = None, overwrite: bool = False) -> None:
    root = find_root(source, MASKS, ('data_semantics', 'kitti'), 'data_semantics.zip')
    names = sorted(glob.glob('*.png', root_dir=osp.join(root, MASKS)))
    lost = [n for n in names if not osp.isfile(osp.join(root, 'training/image_2', n))]
    if lost or not names:
        what = f'{lost[0]} has no image in training/image_2' if lost else f'{MASKS} is empty'
        raise UserError(f'{root}: {what}: unpack data_semantics.zip again.')
    ids = [name.removesuffix('.png') for name in names]
    count = len(ids) - max(1, len(ids) // VAL_SHARE)
    lists = {'train': ids[:count], 'val': ids[count:]}
    write_lists({osp.join(out, f'splits/{k}.txt'): v for k, v in lists.items()}, overwrite)
    link_folder(root, out, 'training/image_2')
    if osp.isdir(osp.join(root, 'testing/image_2')):
        link_folder(root, out, 'testing/image_2')
    jobs = [(osp.join(root, MASKS, n), osp.join(out, f'{MASKS}_train_ids', n)) for n in names]
    written = convert_masks(jobs, to_train_ids, PALETTE, workers, overwrite)
    report(out, written, len(jobs), 'configs/_base_/datasets/kitti.py')
