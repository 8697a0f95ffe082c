from collections.abc import Sequence

import cv2
import numpy as np

from semiseg_mm.errors import UserError
from semiseg_mm.registry import TRANSFORMS

from .image_bytes import PLANAR, TIFF, as_four_bands, tiff_values
from .load import LoadImage

COUNTS, BITS = (1, 3, 4), {8: np.uint8, 16: np.uint16}
Limit = float | Sequence[float]


@TRANSFORMS.register_module()
class LoadBands(LoadImage):
    """Load images of 1, 3 or 4 bands, of 8 or 16 bits, as bytes.

    Bands of 8 bits stay as they are. Of 16 bits, ``low`` becomes 0 and ``high`` 255, and what lies
    beyond is cut off. The bands have OpenCV's order: of three or four, the first and the third of
    the file are swapped.

    Args:
        count: How many bands a file has; another number stops the run.
        bits: How many bits a value has.
        low, high: The range of values that is kept of 16 bits; one number, or one of each band.
        kwargs: Those of ``LoadImage``.
    """

    def __init__(
        self,
        count: int,
        bits: int = 8,
        low: Limit | None = None,
        high: Limit | None = None,
        **kwargs,
    ) -> None:
        super().__init__(color_type='unchanged', **kwargs)
        # it warns of each TIFF that does not say what its bands are
        cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_ERROR)
        if count not in COUNTS or bits not in BITS:
            raise UserError(f'bands: count is 1, 3 or 4, bits 8 or 16, not {count} and {bits}.')
        self.count, self.bits = count, bits
        self.low, self.high = (None if one is None else self._limit(one) for one in (low, high))
        if (bits == 16) != (low is not None and high is not None) or (bits == 8 and low != high):
            raise UserError('bands: low and high belong to bits=16, and both are needed there.')
        if bits == 16 and (self.high <= self.low).any():
            raise UserError(f'bands: high={high} must be above low={low}.')

    def _limit(self, value: Limit) -> np.ndarray:
        found = np.atleast_1d(np.asarray(value, np.float32))
        if found.shape not in ((1,), (self.count,)):
            raise UserError(
                f'bands: low and high are one number, or one of each of {self.count} bands.'
            )
        return found

    def _content(self, path: str) -> bytes:
        content = super()._content(path)
        if self.count == 1 or not content.startswith(TIFF):
            return content
        if self.bits == 16 and tiff_values(content, PLANAR) == [2]:
            raise UserError(
                f'{path} holds its bands one after the other (PlanarConfiguration 2), which OpenCV '
                'mixes up at 16 bits: save the images with the bands of a pixel side by side.'
            )
        return as_four_bands(content) if self.count == 4 else content

    def raw(self, results: dict) -> dict:
        """Load the values of a file as they are."""
        return super().transform(results)

    def transform(self, results: dict) -> dict:
        results = self.raw(results)
        results['img'] = self.to_bytes(results['img'], results['img_path'])
        return results

    def to_bytes(self, image: np.ndarray, name: str = 'An image') -> np.ndarray:
        """Return the values of a file, H,W or H,W,C, as H,W,C uint8."""
        image = image[..., None] if image.ndim == 2 else image
        if image.shape[2] != self.count:
            raise UserError(
                f'{name} has {image.shape[2]} bands, but bands.count={self.count}: all images of a '
                'run have the same bands.'
            )
        if image.dtype != BITS[self.bits]:
            raise UserError(f'{name} holds values of {image.dtype}, but bands.bits={self.bits}.')
        if self.bits == 8:
            return image
        scaled = (image.astype(np.float32) - self.low) * (255 / (self.high - self.low))
        return np.rint(scaled.clip(0, 255)).astype(np.uint8)


def to_picture(image: np.ndarray) -> np.ndarray:
    """Return bands, H,W,C, as something to look at: H,W,3, blue first."""
    return np.repeat(image, 3, 2) if image.shape[2] == 1 else np.ascontiguousarray(image[..., :3])
