"""Lists of one's own: seeded, by size, group and class."""

import math
import os.path as osp
from collections import Counter
from fractions import Fraction
from pathlib import Path

from semiseg_mm.apis.command import guarded
from semiseg_mm.datasets.id_lists import VOC, bare_path, plain_id, read_list
from semiseg_mm.datasets.identity import ids_hash
from semiseg_mm.datasets.split_drawing import draw_order, draw_per_class, make_groups, take
from semiseg_mm.datasets.unlabeled import IMAGE_SUFFIXES
from semiseg_mm.errors import UserError
from semiseg_mm.parsers import splits

from .get_splits import layout_id
from .split_files import write_lists
from .split_masks import below_count, find_masks, read_pixels, uncovered


def run_make_splits(argv: list[str] | None = None) -> int:
    args = splits.make().parse_args(argv)
    return guarded(lambda args: make_splits(**vars(args)), args)


def make_splits(
    images: str,
    labeled: list[str] | None,
    out: str,
    seed: int = 0,
    folds: int = 1,
    nested: bool = False,
    group: str | None = None,
    masks: str | None = None,
    ignore: int = 255,
    format: str = 'ours',
    overwrite: bool = False,
    per_class: list[int] | None = None,
    min_pixels: int = 1,
) -> dict[str, tuple[list[str], list[str]]]:
    """Returns split → (labeled ids, unlabeled ids)."""
    if folds < 1 or seed < 0:
        raise UserError('--folds must be at least 1, and --seed at least 0.')
    check_counts(labeled, per_class, masks, min_pixels)
    files = find_images(images)
    mask_files = find_masks(masks, files) if masks else {}
    if format != 'ours':
        line = line_format(format, images, masks, files, mask_files)
    pixels = read_pixels(mask_files, ignore) if masks else {}
    known = {label for found in pixels.values() for label in found}
    classes = {k: {c for c, n in found.items() if n >= min_pixels} for k, found in pixels.items()}
    if per_class and not any(classes.values()):
        few = f'No mask in {masks} has {min_pixels} pixels of a class'
        raise UserError(f'{few}: check --masks, --ignore and --min-pixels.')
    pool = sorted(mask_files) if masks else sorted(files)
    if masks and len(pool) < len(files):
        bare = f'{len(files) - len(pool)} of {len(files)} images have no mask'
        print(f'{bare} in {masks}: they stay unlabeled.')
    groups = make_groups(pool, group)
    if group:
        near = ': sizes are as near as they get' if labeled else ''
        print(f'{len(groups)} groups, labeled as wholes{near}.')
    sizes = {size_name(text): size_of(text, len(files), len(pool)) for text in labeled or ()}
    sizes |= {f'{count}_per_class': count for count in sorted(per_class or ())}
    splits, written = {}, {}
    for fold in range(folds):
        chosen = set()
        for k, (name, count) in enumerate(sizes.items()):
            if per_class:
                start = chosen if nested else set()
                chosen = draw_per_class(groups, [seed, fold, count], classes, count, start)
            else:
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
        other = 'a smaller --per-class' if per_class else 'another size'
        raise UserError(f'{empty[0]} would be empty: choose {other}. Nothing was written.')
    write_lists(written, overwrite)
    for split, (chosen, others) in splits.items():
        text = f'{osp.join(out, split)}: {len(chosen)} labeled (sha256 {ids_hash(chosen)})'
        text += f', {len(others)} unlabeled (sha256 {ids_hash(others)})'
        if per_class:
            count = sizes[split.split('/')[0]]
            text += f'; {below_count(chosen, classes, known, ignore, count)}'
        elif masks:
            text += f'; {uncovered(chosen, classes, known)}'
        print(text)
    return splits


def check_counts(
    labeled: list[str] | None, per_class: list[int] | None, masks: str | None, min_pixels: int
) -> None:
    if bool(labeled) == bool(per_class):
        raise UserError('Give one of --labeled (sizes) and --per-class (images of each class).')
    if per_class and not masks:
        raise UserError('--per-class goes by the classes in masks: give their folder with --masks.')
    if min_pixels != 1 and not masks:
        raise UserError('--min-pixels counts pixels in masks: give their folder with --masks.')
    if min(*(per_class or [1]), min_pixels) < 1:
        raise UserError('--per-class and --min-pixels must be at least 1.')


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
