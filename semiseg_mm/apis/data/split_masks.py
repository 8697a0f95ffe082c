"""What masks say about a draw of images: which classes are where, and what a list of them lacks."""

from collections import Counter
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import mmcv
import numpy as np
from rich.progress import track

from semiseg_mm.datasets.id_lists import KIND, bare_path
from semiseg_mm.datasets.unlabeled import IMAGE_SUFFIXES
from semiseg_mm.errors import UserError
from semiseg_mm.utils import counted

Classes = Mapping[str, set[int]]  # of each id


def find_masks(masks: str, ids: Mapping[str, str]) -> dict[str, str]:
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


def read_pixels(masks: Mapping[str, str], ignore: int) -> dict[str, dict[int, int]]:
    """Id → class → its pixels."""
    with ThreadPoolExecutor(4) as pool:
        found = pool.map(lambda path: _pixels(path, ignore), masks.values())
        return dict(zip(masks, track(found, 'reading masks', len(masks), transient=True)))


def _pixels(path: str, ignore: int) -> dict[int, int]:
    try:
        mask = mmcv.imread(path, flag='unchanged', backend='pillow')
    except Exception as error:  # Pillow raises many kinds
        raise UserError(f'The mask {path} cannot be read: {error}.') from error
    if mask.ndim != 2:
        raise UserError(f'The mask {path} is a colour image, not one of class numbers.')
    values, pixels = np.unique(mask, return_counts=True)
    return {v: n for v, n in zip(values.tolist(), pixels.tolist()) if v != ignore}


def uncovered(labeled: Iterable[str], classes: Classes, known: set[int]) -> str:
    """What a list drawn by size lacks."""
    images = Counter(label for one in classes.values() for label in one)
    missing = sorted(known - set().union(*(classes[one] for one in labeled)))
    if not missing:
        return f'all {len(known)} classes are labeled'
    rare = ', '.join(f'{label} (in {counted(images[label], "image")})' for label in missing[:10])
    return f'classes that found no place: {rare}{", …" if len(missing) > 10 else ""}'


def below_count(
    labeled: Iterable[str], classes: Classes, known: set[int], ignore: int, count: int
) -> str:
    """What a list drawn by class has and lacks.

    A class without a pixel in any mask is noticed if a higher one has some.
    """
    has = Counter(label for one in labeled for label in classes[one])
    short = [label for label in sorted(has) if has[label] < count]
    text = f'{len(has) - len(short)} classes in at least {counted(count, "image")}'
    if short:
        rare = ', '.join(f'{label} (in {has[label]})' for label in short)
        text += f'; classes in fewer images, all of them labeled: {rare}'
    none = sorted({*known, *range(max(known, default=0))} - {ignore, *has})
    return f'{text}; classes in no image: {", ".join(map(str, none))}' if none else text
