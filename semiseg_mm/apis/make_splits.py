"""Lists of one's own: seeded, by size, group and class."""

import argparse
import math
import os.path as osp
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from fractions import Fraction
from pathlib import Path

import mmcv
import numpy as np
from rich.progress import track

from semiseg_mm.datasets.identity import ids_hash
from semiseg_mm.datasets.split_drawing import draw_order, make_groups, take
from semiseg_mm.datasets.split_lists import KIND, VOC, bare_path, plain_id, read_list
from semiseg_mm.datasets.unlabeled import IMAGE_SUFFIXES
from semiseg_mm.errors import UserError

from .cli import guarded
from .get_splits import layout_id
from .split_files import write_lists

EPILOG = """
A split is written as OUT/<size>/labeled.txt and unlabeled.txt (OUT/<size>/split_<k>/ with several
folds); 1/8 becomes 1_8. Formats: unimatch is "image mask", paths below the folder
that holds both; stpp is the same in <size>/split_<k>/; cps is "/image<tab>/mask" in
train_aug_labeled_1-8.txt.
"""


def run_make_splits(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description='Draw labeled and unlabeled lists.', epilog=EPILOG)
    parser.add_argument('images', help='a folder of images (searched recursively), or an id list')
    parser.add_argument(
        '--labeled', nargs='+', required=True, metavar='N', help='sizes: 100, 1/8 or 0.125'
    )
    parser.add_argument('--out', required=True, metavar='FOLDER')
    parser.add_argument('--seed', type=int, default=0)
    parser.add_argument('--folds', type=int, default=1, help='independent draws of each size')
    parser.add_argument(
        '--nested', action='store_true', help='a larger labeled list contains the smaller ones'
    )
    parser.add_argument(
        '--group',
        metavar='REGEX',
        help='what makes a video sequence or city in an id, "^[a-z]+" say (its first bracket '
        'counts): whole groups are labeled, so sizes are as near as they get',
    )
    parser.add_argument(
        '--masks',
        metavar='FOLDER',
        help='masks of the images, same names: first the images that add most classes are taken, '
        'then random ones; images without a mask stay unlabeled',
    )
    parser.add_argument('--ignore', type=int, default=255, help='value in masks that is no class')
    parser.add_argument('--format', choices=['ours', 'unimatch', 'stpp', 'cps'], default='ours')
    parser.add_argument('--overwrite', action='store_true', help='replace lists that differ')
    args = parser.parse_args(argv)
    return guarded(lambda args: make_splits(**vars(args)), args)


def make_splits(
    images: str,
    labeled: list[str],
    out: str,
    seed: int = 0,
    folds: int = 1,
    nested: bool = False,
    group: str | None = None,
    masks: str | None = None,
    ignore: int = 255,
    format: str = 'ours',
    overwrite: bool = False,
) -> dict[str, tuple[list[str], list[str]]]:
    """Returns split → (labeled ids, unlabeled ids)."""
    if folds < 1 or seed < 0:
        raise UserError('--folds must be at least 1, and --seed at least 0.')
    files = find_images(images)
    mask_files = find_masks(masks, files) if masks else {}
    if format != 'ours':
        line = line_format(format, images, masks, files, mask_files)
    classes = read_classes(mask_files, ignore) if masks else None
    pool = sorted(mask_files) if masks else sorted(files)
    if masks and len(pool) < len(files):
        bare = f'{len(files) - len(pool)} of {len(files)} images have no mask'
        print(f'{bare} in {masks}: they stay unlabeled.')
    groups = make_groups(pool, group)
    if group:
        print(f'{len(groups)} groups, labeled as wholes: sizes are as near as they get.')
    sizes = {size_name(text): size_of(text, len(files), len(pool)) for text in labeled}
    splits, written = {}, {}
    for fold in range(folds):
        for k, (name, count) in enumerate(sizes.items()):
            key = [seed, fold] if nested else [seed, fold, k]
            chosen = set(take(draw_order(groups, key, classes), count))
            split = name if folds == 1 else f'{name}/split_{fold}'
            both = sorted(chosen), sorted(set(files) - chosen)
            splits[split] = both
            for role, ids in zip(('labeled', 'unlabeled'), both):
                path = osp.join(out, list_path(format, name, fold, folds, role))
                written[path] = [one if format == 'ours' else line(one) for one in ids]
    empty = [path for path, ids in written.items() if not ids]
    if empty:
        raise UserError(f'{empty[0]} would be empty: choose another size. Nothing was written.')
    write_lists(written, overwrite)
    for split, both in splits.items():
        print(summary(osp.join(out, split), *both, classes))
    return splits


def find_images(images: str) -> dict[str, str]:
    """Id → path (of an id list: the path as it stands there)."""
    if osp.isfile(images):
        found = read_list(images)
        ids = [layout_id(plain_id(p)) for p in found.paths]
        known = all(VOC.fullmatch(one) or '/' in one for one in ids)
        return dict(zip(ids if known else found.paths, found.paths))
    root = Path(images)
    if not root.is_dir():
        raise UserError(f'{images} is neither a folder of images nor an id list.')
    files = [p for p in sorted(root.rglob('*')) if p.suffix.lower() in IMAGE_SUFFIXES]
    named = {bare_path(p.relative_to(root).as_posix()): str(p) for p in files}
    if not named:
        raise UserError(f'{images} holds no images ({", ".join(IMAGE_SUFFIXES)}).')
    if len(named) < len(files):
        names = Counter(bare_path(p.relative_to(root).as_posix()) for p in files)
        one, count = names.most_common(1)[0]
        raise UserError(f'{images} holds {count} images named {one}: an id must be one image.')
    return named


def find_masks(masks: str, ids: dict[str, str]) -> dict[str, str]:
    """Id → its mask; of Cityscapes' files an id has, the train ids, then the label ids."""
    root, found = Path(masks), {}
    wanted = ('', '_gtFine_labelTrainIds', '_gtFine_labelIds')
    for path in sorted(root.rglob('*')):
        if path.suffix.lower() not in IMAGE_SUFFIXES:
            continue
        kind = (KIND.search(path.stem) or [''])[0]
        rank = wanted.index(kind) if kind in wanted else 9
        one = bare_path(path.relative_to(root).as_posix())
        if rank < 9 and one in ids and rank <= found.get(one, (9,))[0]:
            found[one] = rank, str(path)
    if not found:
        raise UserError(f'--masks {masks} holds no mask with the name of an image.')
    return {one: path for one, (_, path) in found.items()}


def read_classes(masks: dict[str, str], ignore: int) -> dict[str, set[int]]:
    with ThreadPoolExecutor(4) as pool:
        found = pool.map(lambda path: _values(path) - {ignore}, masks.values())
        return dict(zip(masks, track(found, 'reading masks', len(masks), transient=True)))


def _values(path: str) -> set[int]:
    try:
        mask = mmcv.imread(path, flag='unchanged', backend='pillow')
    except Exception as error:  # Pillow raises many kinds
        raise UserError(f'The mask {path} cannot be read: {error}.') from error
    if mask.ndim != 2:
        raise UserError(f'The mask {path} is a colour image, not one of class numbers.')
    return set(np.unique(mask).tolist())


def size_name(text: str) -> str:
    return text.replace('/', '_')


def size_of(text: str, total: int, usable: int) -> int:
    """A number, or a fraction of all images, rounded up as the published lists are."""
    try:
        share = Fraction(text)
        is_share = '/' in text or '.' in text
        count = math.ceil(share * total) if is_share else int(text)
    except (ValueError, ZeroDivisionError):
        raise UserError(f'--labeled {text}: give a number (100) or a fraction (1/8).') from None
    if not 0 < count <= usable:
        raise UserError(f'--labeled {text} is {count} images, but {usable} can be labeled.')
    return count


def list_path(format: str, name: str, fold: int, folds: int, role: str) -> str:
    if format == 'cps':
        prefix = 'train_aug' if folds == 1 else f'split_{fold}/train_aug'
        return f'{prefix}_{role}_{name.replace("_", "-")}.txt'
    inner = f'split_{fold}/' if folds > 1 or format == 'stpp' else ''
    return f'{name}/{inner}{role}.txt'


def line_format(format: str, images: str, masks: str | None, files: dict, mask_files: dict):
    """Id → line of another family's format; these name a mask for unlabeled images, too."""
    if not masks or not osp.isdir(images):
        raise UserError(f'--format {format} names files: give a folder of images and --masks.')
    bare = sorted(set(files) - set(mask_files))
    if bare:
        raise UserError(f'--format {format} names a mask for each image, but {bare[0]} has none.')
    root = osp.commonpath([osp.abspath(images), osp.abspath(masks)])
    pattern = '/{}\t/{}' if format == 'cps' else '{} {}'

    def line(one: str) -> str:
        paths = (osp.relpath(path, root) for path in (files[one], mask_files[one]))
        return pattern.format(*(path.replace('\\', '/') for path in paths))

    return line


def summary(split: str, labeled: list[str], unlabeled: list[str], classes: dict | None) -> str:
    text = f'{split}: {len(labeled)} labeled (sha256 {ids_hash(labeled)})'
    text += f', {len(unlabeled)} unlabeled (sha256 {ids_hash(unlabeled)})'
    if classes is None:
        return text
    images = Counter(label for one in classes.values() for label in one)
    missing = sorted(set(images) - set().union(*(classes[one] for one in labeled)))
    if not missing:
        return f'{text}; all {len(images)} classes are labeled'
    rare = ', '.join(f'{label} (in {images[label]} images)' for label in missing[:10])
    return f'{text}; classes that found no place: {rare}{", …" if len(missing) > 10 else ""}'
