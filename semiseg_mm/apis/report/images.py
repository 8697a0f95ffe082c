"""Turns pictures into addresses that hold them (``data:…``)."""

from __future__ import annotations

from base64 import b64encode
from pathlib import Path

import cv2
import numpy as np

from semiseg_mm.errors import UserError

SIDE = 320  # pixels, of a picture in a gallery at most
SHEET = 1000  # … of a whole sheet
QUALITY = 82
LARGE = 50_000  # bytes, of a PNG that is not taken as it is


def photo(image: np.ndarray, side: int = SIDE) -> str:
    """Return an image (H,W,3 or H,W, blue first) as JPEG."""
    options = [cv2.IMWRITE_JPEG_QUALITY, QUALITY]
    return _address('jpeg', cv2.imencode('.jpg', fitted(image, side, cv2.INTER_AREA), options)[1])


def flat(image: np.ndarray, side: int = SIDE) -> str:
    """Return an image of few colours (H,W,3, blue first) as PNG, whose colours stay."""
    return _address('png', cv2.imencode('.png', fitted(image, side, cv2.INTER_NEAREST))[1])


def address_of_file(path: Path) -> str:
    """Return a picture in a file as it is, or as a smaller JPEG if it is large."""
    content = np.fromfile(path, np.uint8)
    image = cv2.imdecode(content, cv2.IMREAD_COLOR) if len(content) else None
    if image is None:
        raise UserError(f'{path} is no picture: it is left out.')
    return _address('png', content) if len(content) < LARGE else photo(image, SHEET)


def fitted(image: np.ndarray, side: int, how: int) -> np.ndarray:
    """Return an image whose longer side is at most so long."""
    height, width = image.shape[:2]
    share = side / max(height, width)
    if share >= 1:
        return image
    size = max(1, round(width * share)), max(1, round(height * share))
    return cv2.resize(image, size, interpolation=how)


def _address(kind: str, content: np.ndarray) -> str:
    return f'data:image/{kind};base64,{b64encode(content.tobytes()).decode()}'
