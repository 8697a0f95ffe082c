from __future__ import annotations

import os.path as osp
from collections.abc import Callable, Sequence

import cv2
import numpy as np

from semiseg_mm.datasets.pseudo_labeled import file_named
from semiseg_mm.utils import atomic_path, make_folder, write_mask

LABELS, CONFIDENCE, OVERLAYS = 'labels', 'confidence', 'overlays'


class Outputs:
    """Writes what is predicted for an image, below one folder.

    ``labels/<name>.png`` holds the number of each pixel's class, and shows its colour;
    ``confidence/<name>.png`` its probability in steps of 1 / 255; ``overlays/<name>.jpg`` the image
    with the colours laid over it.
    """

    def __init__(
        self,
        folder: str,
        images: dict[str, str],
        palette: Sequence[Sequence[int]],
        picture: Callable[[str], np.ndarray],
        overlays: bool = True,
        opacity: float = 0.5,
    ) -> None:
        self.folder, self.images, self.palette = folder, images, palette
        self.picture = picture  # loads an image as one looks at it
        self.overlays, self.opacity = overlays, opacity
        make_folder(folder)

    def write(self, name: str, label: np.ndarray, confidence: np.ndarray | None) -> str:
        self.mask(LABELS, name, label, self.palette)
        if confidence is not None:
            self.mask(CONFIDENCE, name, confidence)
        if self.overlays:
            image = self.picture(self.images[name])
            self._picture(name, overlay(image, label, self.palette, self.opacity))
        return name

    def mask(self, kind: str, name: str, content: np.ndarray, palette=None) -> None:
        write_mask(self.path(kind, name, '.png'), content, palette, durable=False)

    def _picture(self, name: str, image: np.ndarray) -> None:
        _, content = cv2.imencode('.jpg', image, [cv2.IMWRITE_JPEG_QUALITY, 92])
        with (
            atomic_path(self.path(OVERLAYS, name, '.jpg'), durable=False) as part,
            open(part, 'wb') as file,
        ):
            file.write(content.tobytes())

    def path(self, kind: str, name: str, suffix: str) -> str:
        """The file of an image or video; its folder is there afterwards."""
        path = file_named(name, osp.join(self.folder, kind), suffix)
        make_folder(osp.dirname(path))
        return path


def overlay(
    image: np.ndarray, label: np.ndarray, palette: Sequence[Sequence[int]], opacity: float = 0.5
) -> np.ndarray:
    """Lay the classes' colours over an image (H,W,3, blue first)."""
    colours = np.zeros((256, 3), np.uint8)
    colours[: len(palette)] = np.asarray(palette, np.uint8)[:, ::-1]
    return cv2.addWeighted(image, 1 - opacity, colours[label], opacity, 0)
