import glob
import json
import os
import os.path as osp
from collections.abc import Mapping, Sequence
from functools import partial

import numpy as np
from pycocotools import mask as coco_mask

from semiseg_mm.apis.data.converters.common import need_folder, read_mask
from semiseg_mm.datasets.identity import fixed_part, sample_ids
from semiseg_mm.datasets.mask_reading import Job, run_all
from semiseg_mm.datasets.unlabeled import IMAGE_SUFFIXES, UnlabeledDataset
from semiseg_mm.errors import UserError
from semiseg_mm.utils import atomic_path, counted

IGNORED = 255


def export_labels(
    label_dir: str,
    out: str,
    classes: Sequence[str] | None = None,
    palette: Sequence[Sequence[int]] | None = None,
    images: str | None = None,
    overwrite: bool = False,
    workers: int | None = None,
    names: Mapping[str, str] | None = None,
) -> int:
    """Write the label maps below a folder as a COCO file; returns how many.

    With ``names`` these alone: the name of a map, without suffix, and that of its image.

    One annotation for each class in an image, as RLE (which ``iscrowd`` 1 says); nothing for 255.
    Only the RLEs of all images are in memory at once, not the label maps.
    """
    if osp.exists(out) and not overwrite:
        raise UserError(
            f'{out} is there already, with corrections perhaps: give another name, or replace it '
            'with --overwrite.'
        )
    maps = label_maps(label_dir)
    if names is None:
        names = dict(zip(maps, _file_names(list(maps), images), strict=True))
    maps = {name: path for name, path in maps.items() if name in names}
    called = [names[name] for name in maps]
    describe = partial(_describe, list(maps.values()), called, classes)
    found = run_all(Job(describe, len(maps)), workers, 'label maps')
    if classes is None:
        highest = max((max(present, default=0) for _, _, present in found), default=0)
        classes = [str(k) for k in range(highest + 1)]
    info = dict(description='label maps of semiseg_mm', classes=list(classes))
    if palette is not None:
        info['palette'] = [list(map(int, colour)) for colour in palette]
    categories = [dict(id=k + 1, name=name) for k, name in enumerate(classes)]
    try:
        os.makedirs(osp.dirname(out) or '.', exist_ok=True)
    except OSError as error:
        raise UserError(f'The folder of {out} could not be made ({error}).') from error
    with atomic_path(out) as part, open(part, 'w', encoding='utf-8') as file:
        file.write(f'{{"info": {json.dumps(info)},\n"categories": {json.dumps(categories)},\n')
        file.write('"images": [\n' + ',\n'.join(image for image, _, _ in found) + '\n],\n')
        file.write('"annotations": [')
        separator = '\n'
        for _, annotations, _ in found:
            for annotation in annotations:
                file.write(separator + annotation)
                separator = ',\n'
        file.write('\n]}\n')
    count = sum(len(annotations) for _, annotations, _ in found)
    print(
        f'{out}: {counted(len(found), "image")}, {counted(count, "annotation")}, '
        f'{len(categories)} categories.'
    )
    return len(found)


def label_maps(label_dir: str) -> dict[str, str]:
    """Id → file of all label maps below a folder; of a label stage's, those of its labels/."""
    need_folder(label_dir, what='a folder of label maps (PNG)')
    if is_stage(label_dir):
        label_dir = osp.join(label_dir, 'labels')
    files = []
    for folder, _, names in os.walk(label_dir, followlinks=True):
        files += [osp.join(folder, n) for n in names if n.endswith('.png') and n[0] != '.']
    if not files:
        raise UserError(f'{label_dir} holds no label maps (.png): name the folder of the labels.')
    ids = (osp.relpath(file, label_dir)[: -len('.png')].replace('\\', '/') for file in files)
    return dict(sorted(zip(ids, files)))


def is_stage(folder: str) -> bool:
    """Whether a label stage of a run made this folder."""
    has = [osp.exists(osp.join(folder, name)) for name in ('manifest.json', 'labels')]
    return all(has)


def _file_names(ids: list[str], images: str | None) -> list[str]:
    """What the file calls the images; import finds the ids in it again."""
    if images is None:
        return [f'{i}.png' if i.lower().endswith(IMAGE_SUFFIXES) else i for i in ids]
    if not glob.has_magic(images):
        need_folder(images, what='the folder of the images')
    dataset = UnlabeledDataset(img_path=images)
    root = fixed_part(images)
    files = dict(zip(sample_ids(dataset), dataset.image_paths()))
    missing = [name for name in ids if name not in files]
    if missing:
        raise UserError(
            f'{len(missing)} of {len(ids)} label maps have no image in {images}, the first is '
            f'{missing[0]}: name the folder that the images were labeled from.'
        )
    return [osp.relpath(files[name], root).replace('\\', '/') for name in ids]


def _describe(
    paths: list[str], names: list[str], classes: Sequence[str] | None, index: int
) -> tuple[str, list[str], list[int]]:
    """JSON of an image and of its annotations, and the labels in it."""
    path = paths[index]
    label = _read(path)
    height, width = label.shape
    present = [c for c in np.flatnonzero(np.bincount(label.ravel())).tolist() if c != IGNORED]
    if classes is not None and present and present[-1] >= len(classes):
        raise UserError(
            f'{path} holds the label {present[-1]}, but there are names for {len(classes)} classes '
            f'(0 to {len(classes) - 1}): correct --config or --classes.'
        )
    number = index + 1
    image = dict(id=number, file_name=names[index], width=width, height=height)
    columns = np.asfortranarray(label)
    annotations = [
        dict(
            id=256 * number + c,
            image_id=number,
            category_id=c + 1,
            iscrowd=1,
            **_encode((columns == c).view(np.uint8)),
        )
        for c in present
    ]
    return json.dumps(image), list(map(json.dumps, annotations)), present


def _encode(mask: np.ndarray) -> dict:
    """``mask`` has to be in Fortran's order # H,W"""
    rle = coco_mask.encode(mask)
    area, box = int(coco_mask.area(rle)), coco_mask.toBbox(rle).tolist()
    segmentation = dict(size=list(mask.shape), counts=rle['counts'].decode('ascii'))
    return dict(segmentation=segmentation, area=area, bbox=box)


def _read(path: str) -> np.ndarray:
    try:
        label = read_mask(path)
    except (OSError, SyntaxError, ValueError) as error:
        raise UserError(f'The label map {path} cannot be read ({error}): make it again.') from error
    if label.ndim != 2 or label.dtype != np.uint8:
        raise UserError(f'{path} is no label map: expected is one channel of 8 bits.')
    return label
