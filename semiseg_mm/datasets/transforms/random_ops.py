from collections.abc import Callable

import cv2
import numpy as np
from mmcv.transforms import BaseTransform

from semiseg_mm.errors import UserError
from semiseg_mm.registry import TRANSFORMS
from semiseg_mm.utils import check_choice

from .strong import blend, blur, gray_mean, is_colour, saturate, shift_hue


@TRANSFORMS.register_module()
class RandomOps(BaseTransform):
    """A few operations, drawn with replacement from a pool: AugSeg's strong view.

    The pool and the ranges are those of AugSeg's code (CVPR 2023), which uses Pillow; blur and hue
    round otherwise. The strength is drawn anew for each operation. 'invert' is not in it (iMAS adds
    it). Operations that speak of colour ('color', 'hue') leave images that are not BGR alone; the
    others treat each channel alike.

    Args:
        count: How many, or the range (low, high) to draw the number from, both ends included.
        ops: Names of the pool; by default AugSeg's eleven.
    """

    def __init__(self, count: int | tuple[int, int] = (1, 3), ops: list[str] | None = None) -> None:
        self.count = (count, count) if isinstance(count, int) else tuple(count)
        self.ops = list(ops or AUGSEG)
        for name in self.ops:
            check_choice('ops', name, POOL, 'RandomOps')

    def transform(self, results: dict) -> dict:
        image = results['img']
        if image.dtype != np.uint8:
            raise UserError(
                f'RandomOps works on 8-bit images, but {results.get("img_path")} is {image.dtype}.'
            )
        for _ in range(np.random.randint(self.count[0], self.count[1] + 1)):
            operation, strength = POOL[self.ops[np.random.randint(len(self.ops))]]
            image = operation(image, np.random.uniform(*strength)).reshape(image.shape)
        results['img'] = image
        return results


def look_up(image: np.ndarray, table: np.ndarray) -> np.ndarray:
    return cv2.LUT(image, np.clip(table, 0, 255).astype(np.uint8))


def each_channel(image: np.ndarray, operation: Callable) -> np.ndarray:
    planes = image.reshape(*image.shape[:2], -1)
    return np.stack([operation(np.ascontiguousarray(p)) for p in np.moveaxis(planes, 2, 0)], 2)


def stretch(plane: np.ndarray) -> np.ndarray:
    """The darkest value becomes 0, the brightest 255."""
    low, high = int(plane.min()), int(plane.max())
    if low == high:
        return plane
    return look_up(plane, np.floor((np.arange(256) - low) * (255 / (high - low)) + 1e-6))


def equalize(plane: np.ndarray) -> np.ndarray:
    """Spread the values so that each range of them has as many pixels, by Pillow's rule."""
    counts = np.bincount(plane.ravel(), minlength=256)
    step = (plane.size - int(counts[np.flatnonzero(counts)[-1]])) // 255
    if not step:
        return plane
    below = np.cumsum(counts) - counts
    return look_up(plane, (step // 2 + below) // step)


def sharpen(image: np.ndarray, factor: float) -> np.ndarray:
    """Away from a smoothed image, or towards it; the border stays, as in Pillow."""
    kernel = np.array([[1, 1, 1], [1, 5, 1], [1, 1, 1]], np.float32) / 13
    smooth = image.copy()
    smooth[1:-1, 1:-1] = cv2.filter2D(image, -1, kernel).reshape(image.shape)[1:-1, 1:-1]
    return cv2.addWeighted(image, factor, smooth, 1 - factor, 0)


def posterize(image: np.ndarray, bits: float) -> np.ndarray:
    return image & np.uint8(256 - 2 ** (8 - int(bits)))


def solarize(image: np.ndarray, threshold: float) -> np.ndarray:
    values = np.arange(256)
    return look_up(image, np.where(values < int(threshold), values, 255 - values))


# name: (operation(image, strength), range of the strength)
POOL: dict[str, tuple[Callable, tuple[float, float]]] = dict(
    identity=(lambda image, _: image, (0, 1)),
    autocontrast=(lambda image, _: each_channel(image, stretch), (0, 1)),
    equalize=(lambda image, _: each_channel(image, equalize), (0, 1)),
    blur=(blur, (0.1, 2.0)),
    contrast=(lambda image, factor: blend(image, gray_mean(image), factor), (0.05, 0.95)),
    brightness=(lambda image, factor: blend(image, 0.0, factor), (0.05, 0.95)),
    color=(lambda image, f: saturate(image, f) if is_colour(image) else image, (0.05, 0.95)),
    sharpness=(sharpen, (0.05, 0.95)),
    posterize=(posterize, (4, 8)),  # 4 to 7 bits, each as likely
    solarize=(solarize, (1, 256)),  # from 1 to 255 on
    hue=(lambda image, turns: shift_hue(image, turns) if is_colour(image) else image, (-0.5, 0.5)),
    invert=(lambda image, _: 255 - image, (0, 1)),
)
AUGSEG = [name for name in POOL if name != 'invert']
