import cv2
import numpy as np
from mmcv.transforms import BaseTransform

from semiseg_mm.errors import UserError
from semiseg_mm.registry import TRANSFORMS


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
        self.ranges = dict(brightness=brightness, contrast=contrast, saturation=saturation, hue=hue)
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
        colour = image.ndim == 3 and image.shape[2] == 3
        if np.random.rand() < self.jitter_prob:
            image = self._jitter(image, colour)
        if np.random.rand() < self.gray_prob and colour:
            image = cv2.cvtColor(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY), cv2.COLOR_GRAY2BGR)
        if np.random.rand() < self.blur_prob:
            blurred = cv2.GaussianBlur(image, (0, 0), float(np.random.uniform(*self.sigma)))
            image = blurred.reshape(image.shape)
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
                mean = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY).mean() if colour else image.mean()
                image = blend(image, float(mean), factor)
            elif colour:
                gray = cv2.cvtColor(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY), cv2.COLOR_GRAY2BGR)
                image = cv2.addWeighted(image, factor, gray, 1 - factor, 0)
        return image


def blend(image: np.ndarray, anchor: float, factor: float) -> np.ndarray:
    """``factor * image + (1 - factor) * anchor``, rounded and clipped, through a table."""
    table = np.clip(np.arange(256) * factor + (1 - factor) * anchor + 0.5, 0, 255)
    return table.astype(np.uint8)[image]


def shift_hue(image: np.ndarray, turns: float) -> np.ndarray:
    hsv = cv2.cvtColor(image, cv2.COLOR_BGR2HSV_FULL)
    hsv[..., 0] += np.uint8(round(turns * 256) % 256)  # wraps around, as hue does
    return cv2.cvtColor(hsv, cv2.COLOR_HSV2BGR_FULL)
