import cv2
import numpy as np
from mmcv.transforms import BaseTransform

from semiseg_mm.errors import UserError
from semiseg_mm.registry import TRANSFORMS
from semiseg_mm.utils import check_number, check_range, check_share

GRAY = np.array([0.114, 0.587, 0.299])  # of BGR
SAME = np.eye(3)


@TRANSFORMS.register_module()
class StrongView(BaseTransform):
    """Colour jitter, grayscale and blur on uint8 images: the field's usual strong view.

    The four jitters come in random order, as in torchvision. Saturation, hue and grayscale speak
    of colour: images that are not BGR (1, 4, 12 channels, …) get brightness, contrast and blur.

    Args:
        brightness, contrast, saturation: Factors are drawn from [1 - x, 1 + x].
        hue: The shift is drawn from [-x, x], in turns of the colour circle.
        jitter_prob, gray_prob, blur_prob: How often each part is applied.
        sigma: Range of the blur's standard deviation, in pixels.
    """

    def __init__(
        self,
        brightness: float = 0.5,
        contrast: float = 0.5,
        saturation: float = 0.5,
        hue: float = 0.25,
        jitter_prob: float = 0.8,
        gray_prob: float = 0.2,
        blur_prob: float = 0.5,
        sigma: tuple[float, float] = (0.1, 2.0),
    ) -> None:
        probs = dict(jitter_prob=jitter_prob, gray_prob=gray_prob, blur_prob=blur_prob)
        for name, prob in probs.items():
            check_share(name, prob, 'StrongView')
        check_range('sigma', sigma, 'StrongView')
        self.ranges = dict(brightness=brightness, contrast=contrast, saturation=saturation, hue=hue)
        for name, reach in self.ranges.items():
            check_number(name, reach, 'StrongView')
        self.jitter_prob = jitter_prob
        self.gray_prob = gray_prob
        self.blur_prob = blur_prob
        self.sigma = sigma

    def transform(self, results: dict) -> dict:
        image = results['img']
        if image.dtype != np.uint8:
            raise UserError(
                f'StrongView works on 8-bit images, but {results.get("img_path")} is {image.dtype}.'
            )
        colour = is_colour(image)
        if np.random.rand() < self.jitter_prob:
            image = self._jitter(image, colour)
        gray = np.random.rand() < self.gray_prob and colour
        if gray:
            image = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)
        if np.random.rand() < self.blur_prob:
            image = blur(image, np.random.uniform(*self.sigma))
        if gray:
            image = cv2.cvtColor(image, cv2.COLOR_GRAY2BGR)
        results['img'] = image
        return results

    def _jitter(self, image: np.ndarray, colour: bool) -> np.ndarray:
        for name in np.random.permutation(list(self.ranges)):
            amount = self.ranges[name]
            if name == 'hue':
                shift = np.random.uniform(-amount, amount)
                image = shift_hue(image, shift) if colour else image
                continue
            factor = np.random.uniform(max(0.0, 1 - amount), 1 + amount)
            if name == 'brightness':
                image = blend(image, 0.0, factor)
            elif name == 'contrast':
                image = blend(image, gray_mean(image), factor)
            elif colour:
                image = saturate(image, factor)
        return image


def gray_mean(image: np.ndarray) -> float:
    if is_colour(image):
        return float(GRAY @ cv2.mean(image)[:3])
    return float(image.mean())


def blend(image: np.ndarray, anchor: float, factor: float) -> np.ndarray:
    """``factor * image + (1 - factor) * anchor``, rounded and clipped."""
    if is_colour(image):  # twice as fast as a table
        matrix = np.full((3, 4), (1 - factor) * anchor)
        matrix[:, :3] = factor * SAME
        return cv2.transform(image, matrix)
    table = np.clip(np.arange(256) * factor + (1 - factor) * anchor + 0.5, 0, 255)
    return cv2.LUT(image, table.astype(np.uint8)).reshape(image.shape)


def saturate(image: np.ndarray, factor: float) -> np.ndarray:
    """Away from each pixel's gray, or towards it: 0 is gray, 1 the image itself."""
    return cv2.transform(image, factor * SAME + (1 - factor) * GRAY)


def blur(image: np.ndarray, sigma: float) -> np.ndarray:
    """As cv2.GaussianBlur up to rounding, in two thirds of its time."""
    kernel = cv2.getGaussianKernel(round(6 * sigma + 1) | 1, sigma)
    return cv2.sepFilter2D(image, -1, kernel, kernel).reshape(image.shape)


def is_colour(image: np.ndarray) -> bool:
    return image.ndim == 3 and image.shape[2] == 3


def shift_hue(image: np.ndarray, turns: float) -> np.ndarray:
    hsv = cv2.cvtColor(image, cv2.COLOR_BGR2HSV_FULL)
    shift = np.uint8([round(turns * 256) % 256, 0, 0])  # wraps around, as hue does
    rows = hsv.reshape(len(hsv), -1)
    rows += np.tile(shift, image.shape[1])  # four times as fast as a column of hsv
    return cv2.cvtColor(hsv, cv2.COLOR_HSV2BGR_FULL)
