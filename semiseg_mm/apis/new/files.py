"""Which images there are, and which mask belongs to which."""

import os.path as osp
import re
from collections.abc import Iterable

from semiseg_mm.datasets.left_out import FOREIGN_KIND, foreign_pictures
from semiseg_mm.datasets.transforms.image_bytes import MAX_PIXELS, defect, excess, size_of
from semiseg_mm.datasets.transforms.load import LoadImage
from semiseg_mm.datasets.unlabeled import IMAGE_SUFFIXES, images_below
from semiseg_mm.errors import BrokenImage, UserError

# what tools append to the name of an image to name its mask
WORD = re.compile(
    r'[ ._-](masks?|labels?|seg(mentation)?|gt|annotations?|label(train)?ids?|train_?ids?)$', re.I
)
LeftOut = dict[str, list[str]]  # why → files
Size = tuple[int, int]  # h, w


def find_images(folder: str, left_out: LeftOut) -> list[str]:
    """Return the images below a folder; pictures of other kinds are noted as left out."""
    if not osp.isdir(folder):
        raise UserError(f'The folder {folder} does not exist: name a folder with images.')
    for path in foreign_pictures(folder):
        left_out.setdefault(FOREIGN_KIND, []).append(path)
    return sorted(images_below(folder))


def readable(paths: Iterable[str], left_out: LeftOut) -> dict[str, Size]:
    """Return the sizes of the images that are whole; the others are noted. Nothing is decoded."""
    sizes = {}
    for path in paths:
        with open(path, 'rb') as file:
            content = file.read()
        size = size_of(content)
        reason = defect(content) or excess(content, MAX_PIXELS)
        if reason or size is None:
            reason = reason or 'it is no image'
            left_out.setdefault('cannot be read', []).append(f'{path} ({reason})')
        else:
            sizes[path] = size
    return sizes


def decoded_size(path: str) -> Size | str:
    """Return the size of an image as a training sees it (EXIF turns it), or why there is none."""
    try:
        return LoadImage().transform(dict(img_path=path))['img'].shape[:2]
    except BrokenImage as error:
        return error.reason


def separate_masks(folder: str, masks: str, images: list[str]) -> tuple[list[str], list[str]]:
    """Return the images and the masks where both may lie in one folder, or one in the other."""
    inside = osp.join(osp.realpath(masks), '')
    if osp.realpath(folder) != osp.realpath(masks):
        of_masks = [path for path in images if osp.realpath(path).startswith(inside)]
        return sorted({*images} - {*of_masks}), sorted(images_below(masks))
    stems = {_stem(path) for path in images}
    both = [path for path in images if (bare := WORD.sub('', _stem(path))) != _stem(path)
            and (bare in stems or osp.splitext(bare)[0] in stems)]  # fmt: skip
    if not both:
        raise UserError(
            f'{folder} is named for images and masks, but no file there is called like a mask of '
            'another one (x_mask.png for x.jpg): put the masks into a folder of their own.'
        )
    return sorted({*images} - {*both}), both


class Names:
    """Find an image by the name of its mask, or by the name that an annotation file gives it."""

    def __init__(self, images: Iterable[str], root: str) -> None:
        self.root, self.known = root, {}
        for path in images:
            below = osp.relpath(path, root).replace('\\', '/').casefold()
            for name in {below, _stem(below), osp.basename(below), osp.basename(_stem(below))}:
                self.known.setdefault(name, []).append(path)

    def find(self, name: str) -> str | None:
        """Return the image; a path must fit as a whole, or its last part must fit one image."""
        name = name.replace('\\', '/').casefold()
        bare = WORD.sub('', _stem(name))
        candidates = (name, _stem(name), bare, _stem(bare))
        for candidate in (*candidates, *map(osp.basename, candidates)):
            found = self.known.get(candidate, [])
            if len(found) > 1:
                raise UserError(
                    f'{name} could belong to {found[0]} and to {found[1]}: rename one of them.'
                )
            if found:
                return found[0]
        return None


def pair(names: Names, masks: Iterable[str], root: str, left_out: LeftOut) -> dict[str, str]:
    """Return image → mask; masks without an image are noted."""
    pairs = {}
    for mask in masks:
        image = names.find(osp.relpath(mask, root))
        if image is None:
            left_out.setdefault('masks without an image', []).append(mask)
        elif image in pairs:
            raise UserError(
                f'{image} has two masks, {pairs[image]} and {mask}: name a folder with one of each.'
            )
        else:
            pairs[image] = mask
    return pairs


def _stem(path: str) -> str:
    stem, suffix = osp.splitext(path)
    return stem if suffix.lower() in (*IMAGE_SUFFIXES, '.json') else path
