import math
from collections.abc import Sequence

import cv2
import numpy as np
from mmcv.transforms import BaseTransform

from semiseg_mm.errors import UserError
from semiseg_mm.registry import TRANSFORMS
from semiseg_mm.utils import check_number, check_range, check_share, check_size, seed_all

from .antialias import shrink
from .overlapping import overlapping

Scale = tuple[float, float] | list[float]
PADDING = dict(confidence=0)  # of maps that are padded with something else than labels are


@TRANSFORMS.register_module()
class DrawScale(BaseTransform):
    """Draw ScaleCrop's factor before the image is loaded.

    Then ``LoadImage`` decodes a JPEG at 1/2, 1/4 or 1/8 of its size where no more is needed. With
    ``antialias`` (see ScaleCrop) it decodes the whole: at 1/2 it would be 1.6 times as sharp.
    """

    def __init__(self, scale: Scale = (0.5, 2.0), antialias: bool = False) -> None:
        check_scale(scale, 'DrawScale')
        self.scale = scale
        self.antialias = antialias

    def transform(self, results: dict) -> dict:
        results.update(drawn_scale=draw_factor(self.scale), antialias=self.antialias)
        return results


@TRANSFORMS.register_module()
class ScaleCrop(BaseTransform):
    """Random scale, crop and flip, with padding into ``results['valid']``.

    Only the pixels of the crop are computed, whatever the scale. The crop begins at a whole pixel
    of the image. Images are sampled bilinearly, label maps by the nearest neighbour. Where the
    scaled image is smaller than the crop, it is placed at the top left, or in the middle
    (``pad_around``); the rest is padding: image ``pad_val``, label ``seg_pad_val``, and ``valid``
    False.

    Args:
        crop_size: (h, w), or one number; a request's or SemiDataset's ``crop_size`` overrides it.
        scale: The range (low, high) that the scale factor is drawn from, or a list of factors
            to choose from; (0.5, 2) by default. Leave it out where ``DrawScale`` draws the factor.
        flip: Probability of a horizontal flip.
        pad_val: One number, or one of each channel as images are loaded (BGR).
        pad_around: Pad at all sides, half at each, and not at the bottom and right.
        antialias: Shrink as Pillow does, by a filter that grows with the step, and not as OpenCV
            does, by two pixels a side. Leave it out where ``DrawScale`` draws the factor. The first
            row and column of a crop inside the image are filtered without what lies before them.
    """

    def __init__(
        self,
        crop_size: int | tuple[int, int] | None = None,
        scale: Scale | None = None,
        flip: float = 0.5,
        pad_val: float | Sequence[float] = 0,
        seg_pad_val: int = 255,
        antialias: bool | None = None,
        pad_around: bool = False,
    ) -> None:
        check_size('crop_size', crop_size, 'ScaleCrop')
        check_share('flip', flip, 'ScaleCrop')
        if scale is not None:
            check_scale(scale, 'ScaleCrop')
        self.crop_size = crop_size
        self.scale = scale
        self.flip = flip
        self.pad_val = pad_val
        self.seg_pad_val = seg_pad_val
        self.antialias = antialias
        self.pad_around = pad_around

    def transform(self, results: dict) -> dict:
        decoded, size = results.pop('reduced', (None, None))
        if decoded != results['img'].shape[:2]:  # whole, or resized since it was loaded
            size = results['img'].shape[:2]
        crop = results.get('crop_size') or self.crop_size
        if crop is None:
            raise UserError(
                'ScaleCrop has no crop size: set train_dataloader.dataset.crop_size=(h, w).'
            )
        crop = (crop, crop) if isinstance(crop, int) else tuple(crop)
        factor, antialias = self._factor(results)
        scaled = max(1, round(size[0] * factor)), max(1, round(size[1] * factor))
        window = Window(size, scaled, crop, results.get('center'), antialias, self.pad_around)
        overlap = results.pop('overlap', None)
        if overlap is not None:  # what both crops share is drawn
            results['crop_offset'] = overlapping(window, overlap)
            seed_all(results.pop('seed'))
        flipped = np.random.rand() < self.flip

        results['img'] = window.cut(results['img'], cv2.INTER_LINEAR, flipped, self.pad_val)
        for key in {'gt_seg_map', *results.get('seg_fields', [])} & results.keys():
            fill = PADDING.get(key, self.seg_pad_val)
            results[key] = window.cut(results[key], cv2.INTER_NEAREST, flipped, fill)
        results['valid'] = np.zeros(crop, bool)
        results['valid'][window.place] = True
        results.update(
            img_shape=crop, pad_shape=crop, scale_factor=(factor, factor), flip=bool(flipped)
        )
        results['flip_direction'] = 'horizontal' if flipped else None
        return results

    def _factor(self, results: dict) -> tuple[float, bool]:
        """The factor, and whether to shrink with antialiasing."""
        drawn, antialias = results.pop('drawn_scale', None), results.pop('antialias', False)
        if drawn is None:
            return draw_factor(self.scale or (0.5, 2.0)), bool(self.antialias)
        for name in ('scale', 'antialias'):
            if getattr(self, name) is not None:
                raise UserError(
                    f'DrawScale and ScaleCrop both have {name}: keep that of DrawScale, which '
                    'stands first in the pipeline.'
                )
        return drawn, antialias


def check_scale(scale: Scale, owner: str) -> None:
    """Stop at a scale that is neither a range nor a list of factors."""
    if isinstance(scale, list):
        for factor in scale or [0]:
            check_number('scale', factor, owner, above=True)
    else:
        check_range('scale', scale, owner)


def draw_factor(scale: Scale) -> float:
    if isinstance(scale, list):
        return float(np.random.choice(scale))
    return float(np.random.uniform(*scale))


class Window:
    """A random part of an image, and its pixels at another scale.

    Args:
        size: (h, w) of the image.
        scaled: What the whole image would be resized to.
        crop: (h, w) to fill.
        center: A pixel (y, x) of the image that shall be inside, anywhere.
        antialias: Whether to filter an image that is shrunk.
        around: Whether padding lies at all sides.
    """

    def __init__(
        self, size, scaled, crop, center=None, antialias: bool = False, around: bool = False
    ) -> None:
        self.size, self.crop, self.antialias = size, crop, antialias
        self.step = size[0] / scaled[0], size[1] / scaled[1]
        self.inside = min(crop[0], scaled[0]), min(crop[1], scaled[1])
        self.corner = [self.draw_corner(axis, center) for axis in range(2)]
        before = [(c - i) // 2 if around else 0 for c, i in zip(crop, self.inside, strict=True)]
        self.place = tuple(slice(b, b + i) for b, i in zip(before, self.inside, strict=True))

    def room(self, axis: int) -> int:
        """Where the last corner lies that leaves the window inside the image."""
        covered = self.inside[axis] * self.step[axis]  # pixels of the image
        return max(0, math.floor(self.size[axis] - covered + 1e-6))

    def draw_corner(self, axis: int, center=None) -> int:
        covered, room = self.inside[axis] * self.step[axis], self.room(axis)
        low, high = 0, room
        if center is not None:
            low = min(max(0, math.ceil(center[axis] + 1 - covered)), room)
            high = max(low, min(center[axis], room))
        return int(np.random.randint(low, high + 1))

    def cut(self, array: np.ndarray, interpolation: int, flipped: bool, fill) -> np.ndarray:
        """The part is padded after it is made: an image's border must not blend into padding."""
        exact = interpolation == cv2.INTER_LINEAR and array.shape[:2] == tuple(self.size)
        part = self._resize(array) if exact else self._warp(array, interpolation)
        if flipped:
            part = cv2.flip(part, 1)
        part = part.reshape(*self.inside, *array.shape[2:])
        if self.inside == tuple(self.crop):
            return np.ascontiguousarray(part)
        out = np.empty((*self.crop, *array.shape[2:]), array.dtype)
        out[:] = np.full(out.shape[1:], fill, out.dtype)  # row by row: a colour at once is slow
        out[self.place] = part
        return out

    def _resize(self, array: np.ndarray) -> np.ndarray:
        """Four times as fast as a warp. At the bottom and right it takes as much more as the
        filter reaches; at the top and left an enlarged crop repeats its first pixel.
        """
        (top, left), (height, width) = self.corner, self.inside
        bottom, right = (
            corner + math.ceil(inside * step - 1e-6) + max(1, math.ceil(step / 2))
            for corner, inside, step in zip(self.corner, self.inside, self.step, strict=True)
        )
        source = array[top:bottom, left:right]
        if self.step == (1, 1):
            return source[:height, :width]
        if self.antialias and max(self.step) > 1:
            return shrink(source, self.step, self.inside)
        fy, fx = 1 / self.step[0], 1 / self.step[1]
        part = cv2.resize(source, None, fx=fx, fy=fy, interpolation=cv2.INTER_LINEAR)
        return part[:height, :width]

    def _warp(self, array: np.ndarray, interpolation: int) -> np.ndarray:
        """For label maps, and for images that were decoded at less than their size."""
        reduced = array.shape[0] / self.size[0], array.shape[1] / self.size[1]
        steps = [step * r for step, r in zip(self.step, reduced, strict=True)]
        starts = [
            corner * r + 0.5 * step - 0.5  # pixel centres are at .5
            for corner, r, step in zip(self.corner, reduced, steps, strict=True)
        ]
        matrix = np.array([[steps[1], 0, starts[1]], [0, steps[0], starts[0]]], np.float64)
        flags = interpolation | cv2.WARP_INVERSE_MAP
        return cv2.warpAffine(
            array, matrix, self.inside[::-1], flags=flags, borderMode=cv2.BORDER_REPLICATE
        )
