"""COCO's instances as label maps: background 0, the 80 things 1 to 80, crowds 255."""

import json
import os.path as osp
import pickle

import numpy as np

from semiseg_mm.apis.command import guarded
from semiseg_mm.datasets.coco import COCO81Dataset
from semiseg_mm.errors import UserError
from semiseg_mm.parsers import converters

from .common import convert_masks, find_root, link_folder, need_folder, report

SPLITS = ('train2017', 'val2017')
NAMES = list(COCO81Dataset.METAINFO['classes'][1:])
PALETTE = COCO81Dataset.METAINFO['palette']
CROWD = 255


def run_coco(argv: list[str] | None = None) -> int:
    return guarded(lambda args: coco(**vars(args)), converters.coco().parse_args(argv))


def coco(source: str, out: str, workers: int | None = None, overwrite: bool = False) -> None:
    _need_pycocotools()
    root = find_root(source, 'annotations', ('coco', 'COCO'), 'annotations_trainval2017.zip')
    what = 'a file of annotations_trainval2017.zip'
    files = {
        split: need_folder(root, 'annotations', f'instances_{split}.json', what=what)
        for split in SPLITS
    }
    images = osp.join(root, 'images') if osp.isdir(osp.join(root, 'images', SPLITS[0])) else root
    for split in SPLITS:
        link_folder(images, out, split)
    written = total = 0
    for split, file in files.items():
        records = read_instances(file)  # one file at a time: the larger fills gigabytes as it loads
        jobs = [(name, osp.join(out, 'masks', f'{osp.splitext(name)[0]}.png')) for name in records]
        written += convert_masks(jobs, Render(records), PALETTE, workers, overwrite, split)
        total += len(jobs)
    report(out, written, total, 'configs/_base_/datasets/coco.py')


def read_instances(file: str) -> dict[str, bytes]:
    """For each image its size and instances, pickled: processes share bytes, but not objects."""
    try:
        with open(file, encoding='utf-8') as stream:
            content = json.load(stream)
        labels = _labels(content['categories'], file)
        found: dict[int, list] = {image['id']: [] for image in content['images']}
        for one in content['annotations']:
            instance = (one['id'], labels[one['category_id']], one.get('iscrowd', 0))
            found[one['image_id']].append((*instance, one['segmentation']))
        return {
            image['file_name']: pickle.dumps((image['height'], image['width'], found[image['id']]))
            for image in content['images']
        }
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        reason = f'{type(error).__name__}: {error}'
        raise UserError(f"{file} is not a whole file of COCO's instances ({reason}).") from error


def _labels(categories: list[dict], file: str) -> dict[int, int]:
    """Category id → label."""
    ordered = sorted(categories, key=lambda one: one['id'])
    if [one['name'] for one in ordered] != NAMES:
        raise UserError(
            f"{file} does not hold COCO's 80 categories, but {len(ordered)} "
            f'({", ".join(one["name"] for one in ordered[:3])}, …): this tool is for COCO alone.'
        )
    return {one['id']: label for label, one in enumerate(ordered, 1)}


class Render:
    """An image's name → its label map."""

    def __init__(self, records: dict[str, bytes]) -> None:
        self.records = records

    def __call__(self, name: str) -> np.ndarray:
        height, width, instances = pickle.loads(self.records[name])
        return render(height, width, instances)


def render(height: int, width: int, instances: list[tuple]) -> np.ndarray:
    """(annotation id, label, iscrowd, segmentation) of each instance → label map (H,W)."""
    from pycocotools import mask as masks

    layers = []
    for number, label, crowd, segmentation in instances:
        shape = _run_lengths(segmentation, height, width)
        if shape is not None:
            order = (not crowd, -int(masks.area(shape)), number)
            layers.append((order, CROWD if crowd else label, shape))
    labels = np.zeros((height, width), np.uint8)
    for _, label, shape in sorted(layers, key=lambda layer: layer[0]):
        labels[masks.decode(shape) > 0] = label
    return labels


def _run_lengths(segmentation: list | dict, height: int, width: int) -> dict | None:
    from pycocotools import mask as masks

    if isinstance(segmentation, list):
        polygons = [one for one in segmentation if len(one) >= 6]  # four numbers would be a box
        return masks.merge(masks.frPyObjects(polygons, height, width)) if polygons else None
    if list(segmentation['size']) != [height, width]:
        raise ValueError(f'a region of {segmentation["size"]} in an image of {[height, width]}')
    if isinstance(segmentation['counts'], list):
        return masks.frPyObjects(segmentation, height, width)
    return segmentation


def _need_pycocotools() -> None:
    try:
        import pycocotools.mask  # noqa: F401
    except ImportError as error:
        raise UserError('COCO needs pycocotools: pip install pycocotools.') from error
