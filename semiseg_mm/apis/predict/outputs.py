from __future__ import annotations

import os
import os.path as osp
from collections.abc import Callable, Iterable, Sequence

import cv2
import numpy as np

from semiseg_mm.datasets.pseudo_labeled import file_named
from semiseg_mm.errors import UserError
from semiseg_mm.utils import atomic_path, make_folder, write_mask

FOLDERS = LABELS, CONFIDENCE, OVERLAYS = 'labels', 'confidence', 'overlays'
RECORD = 'predictions.json'


class Outputs:
    """Writes what is predicted for an image, below one folder.

    ``labels/<name>.png`` holds the number of each pixel's class, and shows its colour;
    ``confidence/<name>.png`` its probability in steps of 1 / 255; ``overlays/<name>.jpg`` the image
    with the colours laid over it; ``<name>.mp4`` a video with them. Nothing is overwritten that no
    earlier call wrote, which is where ``predictions.json`` lies: masks of a dataset, say.
    """

    def __init__(
        self,
        folder: str,
        images: dict[str, str],
        videos: dict[str, str],
        palette: Sequence[Sequence[int]],
        picture: Callable[[str], np.ndarray],
        overlays: bool = True,
        opacity: float = 0.5,
    ) -> None:
        self.folder, self.images, self.palette = folder, images, palette
        self.picture = picture  # loads an image as one looks at it
        self.overlays, self.opacity = overlays, opacity
        self._refuse_foreign()
        self._spare([*images.values(), *videos.values()], videos)
        make_folder(folder)

    def _refuse_foreign(self) -> None:
        for kind in FOLDERS:
            place = osp.join(self.folder, kind)
            if osp.isdir(place) and os.listdir(place) and not osp.isfile(self.record):
                raise UserError(
                    f'{place} holds files, and no {RECORD} beside it says that they were '
                    'predicted: name another --out.'
                )

    @property
    def record(self) -> str:
        """The file that says what was predicted."""
        return osp.join(self.folder, RECORD)

    def _spare(self, read: Iterable[str], videos: Iterable[str]) -> None:
        """Stop where a file that is read would be written."""
        read = {osp.realpath(path): path for path in read}
        places = [(OVERLAYS, name, '.jpg') for name in self.images]
        places += [(LABELS, name, '.png') for name in self.images]
        places += [('', name, '.mp4') for name in videos]
        for kind, name, suffix in places:
            source = read.get(osp.realpath(self._file(kind, name, suffix)))
            if source:
                raise UserError(
                    f'{source} would be overwritten by a prediction: name another --out.'
                )

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
        path = self._file(kind, name, suffix)
        make_folder(osp.dirname(path))
        return path

    def _file(self, kind: str, name: str, suffix: str) -> str:
        return file_named(name, osp.join(self.folder, kind), suffix)


def overlay(
    image: np.ndarray, label: np.ndarray, palette: Sequence[Sequence[int]], opacity: float = 0.5
) -> np.ndarray:
    """Lay the classes' colours over an image (H,W,3, blue first)."""
    colours = np.zeros((256, 3), np.uint8)
    colours[: len(palette)] = np.asarray(palette, np.uint8)[:, ::-1]
    return cv2.addWeighted(image, 1 - opacity, colours[label], opacity, 0)
