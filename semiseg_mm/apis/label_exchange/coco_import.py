import json
import os
import os.path as osp
from collections import Counter
from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np

from semiseg_mm.datasets.mask_reading import Job, run_all
from semiseg_mm.datasets.transforms.image_bytes import MAX_PIXELS
from semiseg_mm.datasets.unlabeled import IMAGE_SUFFIXES
from semiseg_mm.errors import UserError
from semiseg_mm.utils import write_mask

from .coco_export import IGNORED, is_stage
from .coco_masks import decode


def import_labels(
    source: str,
    label_dir: str,
    classes: Sequence[str] | None = None,
    palette: Sequence[Sequence[int]] | None = None,
    overwrite: bool = False,
    workers: int | None = None,
    max_pixels: int = MAX_PIXELS,
) -> int:
    """Write a label map for each image of a COCO file; returns how many.

    The file is checked as a whole before anything is written; what RLEs and polygons hold is seen
    image by image.
    """
    _check_folder(label_dir)
    content = load_coco(source)
    info = content.get('info') if isinstance(content.get('info'), dict) else {}
    labels = _labels(content, classes or _classes(info), source)
    images = [_image(image, label_dir, source, max_pixels) for image in content['images']]
    if not images:
        raise UserError(f'{source} names no images: there is nothing to import.')
    _check_unique(images, source)
    _check_links({osp.dirname(image['target']) for image in images}, label_dir)
    _hand_out(content['annotations'], {image['id']: image for image in images}, labels, source)
    present = [image['target'] for image in images if osp.exists(image['target'])]
    if present and not overwrite:
        raise UserError(
            f'{len(present)} of {len(images)} label maps are there already, {present[0]} among '
            'them: name another folder, or replace them with --overwrite.'
        )
    try:
        for folder in {osp.dirname(image['target']) for image in images}:
            os.makedirs(folder, exist_ok=True)
    except OSError as error:
        raise UserError(f'A folder could not be made ({error}): name another one.') from error
    palette = palette if palette is not None else _palette(info)
    job = Job(partial(_draw, images, palette, source), len(images))
    counts = np.array(run_all(job, workers, 'label maps'), np.int64).reshape(-1, 2)
    labeled, pixels = counts.sum(0)
    print(
        f'{label_dir}: {len(images)} label maps, {100 * labeled / max(1, pixels):.1f} % of the '
        f'pixels have a label; {np.sum(counts[:, 0] == 0)} of the images have none.'
    )
    return len(images)


def _check_folder(label_dir: str) -> None:
    parent = osp.dirname(osp.abspath(label_dir))
    if is_stage(label_dir) or (
        osp.basename(osp.abspath(label_dir)) == 'labels' and is_stage(parent)
    ):
        raise UserError(
            f'{label_dir} belongs to a label stage, which would make changed labels again: import '
            'into a folder of its own, and name that in labels of the training stage.'
        )


def load_coco(source: str) -> dict:
    """Return the content of a COCO file, which has the three lists of dictionaries."""
    try:
        with open(source, encoding='utf-8') as file:
            content = json.load(file)
    except (OSError, ValueError, RecursionError) as error:
        raise UserError(f'{source} cannot be read as JSON ({error}): export it again.') from error
    for key in ('images', 'annotations', 'categories'):
        items = content.get(key) if isinstance(content, dict) else None
        if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
            raise UserError(
                f"{source} has no list '{key}': export the annotations as COCO (instances, not "
                'keypoints or captions).'
            )
    return content


def _classes(info: dict) -> list[str] | None:
    """What an export notes; annotation tools that write a file anew may leave it out."""
    classes = info.get('classes')
    return classes if isinstance(classes, list) and classes else None


def _palette(info: dict) -> list | None:
    try:
        palette = np.array(info.get('palette'), np.uint8)
    except (ValueError, TypeError, OverflowError):
        return None
    return palette.tolist() if palette.ndim == 2 and palette.shape[1] == 3 else None


def _labels(content: dict, classes: Sequence[str] | None, source: str) -> dict[Any, int]:
    """Category id → label, by the categories' names; of those that are no class, none."""
    if not all(_is_id(c.get('id')) for c in content['categories']):
        raise UserError(f'{source}: a category has an id that is neither number nor text.')
    names = {c.get('id'): str(c.get('name')).strip() for c in content['categories']}
    if classes is None:
        if not all(name.isdecimal() and int(name) < IGNORED for name in names.values()):
            raise UserError(
                f'{source} names its categories {", ".join(list(names.values())[:4])}, …, but not '
                'which labels they are: add --config or --classes (in the order of the labels).'
            )
        return {key: int(name) for key, name in names.items()}
    numbers = {str(name): k for k, name in enumerate(classes)}
    return {key: numbers[name] for key, name in names.items() if name in numbers}


def _image(image: dict, label_dir: str, source: str, max_pixels: int) -> dict:
    """Its id, name, size, and the label map to write."""
    name, size = image.get('file_name'), (image.get('height'), image.get('width'))
    if not isinstance(name, str) or not _is_id(image.get('id')):
        raise UserError(f'{source}: an image has no file_name or no id ({str(image)[:80]}).')
    if not all(type(n) is int and n > 0 for n in size) or size[0] * size[1] > max_pixels:
        raise UserError(
            f'{source}: the image {name} is {size[1]} wide and {size[0]} high. Sizes are whole '
            f'numbers, and an image has {max_pixels} pixels at most (--max-pixels).'
        )
    path = name.replace('\\', '/')
    suffix = osp.splitext(path)[1]
    path = path[: -len(suffix)] if suffix.lower() in IMAGE_SUFFIXES else path
    steps = path.split('/')
    if {'', '.', '..'} & set(steps) or ':' in steps[0] or '\0' in path or not _is_a_name(path):
        raise UserError(
            f'{source}: the image {name!r} would lead out of {label_dir}, or is no name of a file: '
            'name images by their path below the image folder.'
        )
    target = osp.join(label_dir, *steps) + '.png'
    return dict(id=image['id'], name=name, size=size, target=target, annotations=[])


def _is_a_name(path: str) -> bool:
    """Return whether a file can be called so; half a character (\\ud800) is none."""
    try:
        os.fsencode(path)
    except UnicodeEncodeError:
        return False
    return True


def _is_id(value: Any) -> bool:
    return isinstance(value, (int, str))


def _check_links(folders: set[str], label_dir: str) -> None:
    """Stop if a link inside the folder would lead label maps out of it."""
    root = osp.join(osp.realpath(label_dir), '')
    for folder in sorted(folders):
        real = osp.realpath(folder)
        if not osp.join(real, '').startswith(root):
            raise UserError(
                f'{folder} leads out of {label_dir}, to {real}, by a link: remove the link, or '
                'import into a folder without any.'
            )


def _check_unique(images: list[dict], source: str) -> None:
    for key in ('id', 'target'):
        value, times = Counter(image[key] for image in images).most_common(1)[0]
        if times > 1:
            what = 'the id' if key == 'id' else 'the label map'
            raise UserError(f'{source}: {times} images have {what} {value}: leave one of them out.')


def _hand_out(annotations: list, images: dict, labels: dict, source: str) -> None:
    """Give each image its annotations, in the order of the file."""
    for annotation in annotations:
        what = f'{source}: the annotation {annotation.get("id")}'
        owner, category = annotation.get('image_id'), annotation.get('category_id')
        image = images.get(owner) if _is_id(owner) else None
        if image is None:
            raise UserError(
                f'{what} belongs to the image {owner}, which is not in the '
                'file: export images and annotations together.'
            )
        label = labels.get(category) if _is_id(category) else None
        if label is None:
            raise UserError(
                f'{what} of {image["name"]} has the category {category}, '
                'which is none of the classes: rename or delete it, or correct --config or '
                '--classes.'
            )
        shape = annotation.get('segmentation')
        if not shape:
            raise UserError(
                f'{what} of {image["name"]} has no segmentation, only a box: draw its outline or '
                'delete it.'
            )
        if isinstance(shape, dict) and shape.get('size') != list(image['size']):
            raise UserError(
                f'{what} has the size {shape.get("size")}, but the image {image["name"]} is '
                f'{list(image["size"])} (height, width): they must be equal.'
            )
        image['annotations'].append((annotation.get('id'), label, shape))


def _draw(images: list[dict], palette, source: str, index: int) -> tuple[int, int]:
    """Write one label map; returns its labeled pixels, and all."""
    image = images[index]
    label = np.full(image['size'], IGNORED, np.uint8)
    for number, value, segmentation in image['annotations']:
        try:
            label[decode(segmentation, *image['size'])] = value
        except (ValueError, TypeError, OverflowError) as error:
            raise UserError(
                f'{source}: the annotation {number} of {image["name"]} cannot be drawn ({error}): '
                'correct or delete it.'
            ) from error
    write_mask(image['target'], label, palette)
    return int((label != IGNORED).sum()), label.size
