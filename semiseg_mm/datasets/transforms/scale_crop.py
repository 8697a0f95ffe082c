import cv2
import numpy as np
from mmcv.transforms import BaseTransform

from semiseg_mm.errors import UserError
from semiseg_mm.registry import TRANSFORMS


@TRANSFORMS.register_module()
class ScaleCrop(BaseTransform):
    """Random scale, crop and flip as one warp, with padding into ``results['valid']``.

    Only the pixels of the crop are computed, whatever the scale. Images are sampled bilinearly,
    label maps by the nearest neighbour. Where the scaled image is smaller than the crop, it is
    placed at the top left; the rest is padding: image ``pad_val``, label ``seg_pad_val``, and
    ``valid`` False.

    Args:
        crop_size: (h, w), or one number; a request's or SemiDataset's ``crop_size`` overrides it.
        scale: The range (low, high) that the scale factor is drawn from, or a list of factors
            to choose from.
        flip: Probability of a horizontal flip.
    """

    def __init__(
        self,
        crop_size: int | tuple[int, int] | None = None,
        scale: tuple[float, float] | list[float] = (0.5, 2.0),
        flip: float = 0.5,
        pad_val: float = 0,
        seg_pad_val: int = 255,
    ) -> None:
        self.crop_size = crop_size
        self.scale = scale
        self.flip = flip
        self.pad_val = pad_val
        self.seg_pad_val = seg_pad_val

    def transform(self, results: dict) -> dict:
        height, width = results['img'].shape[:2]
        crop = results.get('crop_size') or self.crop_size
        if crop is None:
            raise UserError(
                'ScaleCrop has no crop size: set train_dataloader.dataset.crop_size=(h, w).'
            )
        crop = (crop, crop) if isinstance(crop, int) else tuple(crop)
        factor = self._draw_factor()
        scaled = max(1, round(height * factor)), max(1, round(width * factor))
        top, left = self._draw_corner(scaled, crop, (height, width), results.get('center'))
        flipped = np.random.rand() < self.flip

        inside = min(crop[0], scaled[0]), min(crop[1], scaled[1])
        warp = _warp(crop, inside, scaled, (height, width), top, left, flipped)
        results['img'] = self._apply(results['img'], warp, cv2.INTER_LINEAR, inside, self.pad_val)
        for key in {'gt_seg_map', *results.get('seg_fields', [])} & results.keys():
            results[key] = self._apply(
                results[key], warp, cv2.INTER_NEAREST, inside, self.seg_pad_val
            )
        results['valid'] = np.zeros(crop, bool)
        results['valid'][: inside[0], : inside[1]] = True
        results.update(
            img_shape=crop, pad_shape=crop, scale_factor=(factor, factor), flip=bool(flipped)
        )
        results['flip_direction'] = 'horizontal' if flipped else None
        return results

    def _draw_factor(self) -> float:
        if isinstance(self.scale, list):
            return float(np.random.choice(self.scale))
        return float(np.random.uniform(*self.scale))

    @staticmethod
    def _draw_corner(scaled, crop, size, center) -> tuple[int, int]:
        """Top left of the crop in the scaled image; a centre is placed anywhere inside it."""
        corner = []
        for axis in range(2):
            room = max(0, scaled[axis] - crop[axis])
            low, high = 0, room
            if center is not None:
                point = int((center[axis] + 0.5) * scaled[axis] / size[axis])
                low = min(max(0, point - crop[axis] + 1), room)
                high = min(point, room)
            corner.append(int(np.random.randint(low, high + 1)))
        return corner[0], corner[1]

    @staticmethod
    def _apply(array, warp, interpolation, inside, fill) -> np.ndarray:
        """Warp the visible part, then pad: the border of an image must not blend into padding."""
        crop, matrix = warp
        flags = interpolation | cv2.WARP_INVERSE_MAP
        part = cv2.warpAffine(
            array, matrix, inside[::-1], flags=flags, borderMode=cv2.BORDER_REPLICATE
        )
        part = part.reshape(*inside, *array.shape[2:])
        if inside == tuple(crop):
            return part
        out = np.full((*crop, *array.shape[2:]), fill, array.dtype)
        out[: inside[0], : inside[1]] = part
        return out


def _warp(crop, inside, scaled, size, top, left, flipped) -> tuple[tuple[int, int], np.ndarray]:
    """The affine map from a pixel of the crop to the image; pixel centres are at .5."""
    y_step, x_step = size[0] / scaled[0], size[1] / scaled[1]
    y_start = (top + 0.5) * y_step - 0.5
    x_start = (left + 0.5) * x_step - 0.5
    if flipped:
        x_start += (inside[1] - 1) * x_step
        x_step = -x_step
    return tuple(crop), np.array([[x_step, 0, x_start], [0, y_step, y_start]], np.float64)
