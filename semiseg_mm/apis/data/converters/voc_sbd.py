"""Pascal VOC 2012 with the masks of SBD: SegmentationClassAug and the list of 10582 images."""

import os
import os.path as osp
import shutil

import numpy as np
from mmseg.datasets import PascalVOCDataset

from semiseg_mm.apis.command import guarded
from semiseg_mm.datasets.id_lists import read_ids
from semiseg_mm.datasets.split_lists import describe_list
from semiseg_mm.errors import UserError
from semiseg_mm.parsers import converters

from ..split_files import write_lists
from .common import (
    convert_masks,
    find_root,
    link_folder,
    map_ids,
    need_folder,
    read_mask,
    report,
)

LISTS = 'ImageSets/Segmentation'
MASKS = 'SegmentationClassAug'
IDS = {**{k: k for k in range(21)}, 255: 255}
PALETTE = PascalVOCDataset.METAINFO['palette']


def run_voc_sbd(argv: list[str] | None = None) -> int:
    args = converters.voc_sbd().parse_args(argv)
    return guarded(lambda args: voc_sbd(**vars(args)), args)


def voc_sbd(
    source: str, sbd: str, out: str, workers: int | None = None, overwrite: bool = False
) -> None:
    inside = ('VOC2012', 'VOCdevkit/VOC2012')
    voc = find_root(source, 'SegmentationClass', inside, 'VOCtrainval_11-May-2012.tar')
    sbd = find_root(sbd, 'cls', ('dataset', 'benchmark_RELEASE/dataset'), 'benchmark.tgz')
    _need_scipy()
    lists = {name: read_ids(need(voc, f'{LISTS}/{name}.txt')) for name in ('train', 'val')}
    more = [i for name in ('train', 'val') for i in read_ids(need(sbd, f'{name}.txt'))]
    own = {*lists['train'], *lists['val']}
    trainaug = sorted({*lists['train'], *more} - {*lists['val']})

    link_folder(voc, out, 'JPEGImages')
    _write_lists(voc, out, trainaug, overwrite)
    jobs = [need(voc, f'SegmentationClass/{i}.png') for i in sorted(own)]
    jobs += [need(sbd, f'cls/{i}.mat') for i in sorted({*more} - own)]
    names = [osp.splitext(osp.basename(path))[0] for path in jobs]
    jobs = [(path, osp.join(out, MASKS, f'{name}.png')) for path, name in zip(jobs, names)]
    written = convert_masks(jobs, convert, PALETTE, workers, overwrite)
    print(f'{LISTS}/trainaug.txt: {describe_list(trainaug)}')
    report(out, written, len(jobs), 'configs/_base_/datasets/voc.py')


def need(root: str, name: str) -> str:
    return need_folder(root, name, what='a file of the dataset as published')


def convert(path: str) -> np.ndarray:
    """Ids 0 … 20 and, at VOC's borders, 255. SBD has no borders."""
    mask = _read_mat(path) if path.endswith('.mat') else read_mask(path)
    return map_ids(mask, IDS, path)


def _read_mat(path: str) -> np.ndarray:
    from scipy.io import loadmat

    groups = loadmat(path, variable_names=['GTcls'], struct_as_record=False)['GTcls']
    return groups[0, 0].Segmentation


def _need_scipy() -> None:
    try:
        import scipy.io  # noqa: F401
    except ImportError as error:
        raise UserError('The masks of SBD are .mat files: pip install scipy.') from error


def _write_lists(voc: str, out: str, trainaug: list[str], overwrite: bool) -> None:
    """A list that is there already and has the same images stays, whatever their order."""
    path = osp.join(out, LISTS, 'trainaug.txt')
    if not (osp.isfile(path) and sorted(read_ids(path)) == trainaug):
        write_lists({path: trainaug}, overwrite)
    for name in os.listdir(osp.join(voc, LISTS)):
        if name.endswith('.txt') and not osp.exists(osp.join(out, LISTS, name)):
            shutil.copyfile(osp.join(voc, LISTS, name), osp.join(out, LISTS, name))
