import cv2
import numpy as np
import torch
from torch.nn import functional as F


def shrink(image: np.ndarray, step: tuple[float, float]) -> np.ndarray:
    """Shrink an image (H,W or H,W,C) by (down, across), each pixel from all that it covers.

    The filter is the triangle of Pillow's BILINEAR; 8-bit values differ from Pillow's by 2 at most,
    as the weights are rounded to 16 bits. It takes a quarter of Pillow's time.
    """
    if image.dtype not in (np.uint8, np.float32, np.float64):
        shrunk = np.rint(shrink(image.astype(np.float32), step))
        return shrunk.astype(image.dtype)
    image = np.require(image, requirements='W')  # torch warns of others
    whole = torch.from_numpy(image.reshape(1, *image.shape[:2], -1)).permute(0, 3, 1, 2)  # 1,C,H,W
    planes = F.interpolate(
        whole,
        scale_factor=[(1 + 2e-7) / size for size in step],  # never a pixel less, by rounding
        mode='bilinear',
        antialias=True,
        recompute_scale_factor=False,
    )[0]
    return cv2.merge(list(planes.numpy()))
