from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator
from typing import NamedTuple

import cv2
import numpy as np

from semiseg_mm.engine.inference.progress import Progress
from semiseg_mm.errors import BrokenImage, UserError
from semiseg_mm.utils import atomic_path

from .network import TrainedNetwork
from .outputs import LABELS, Outputs, overlay


class Video(NamedTuple):
    path: str
    frames: int  # as the file says; 0: it does not
    per_second: float
    size: tuple[int, int]  # (w, h)


def predict_video(
    path: str, name: str, network: TrainedNetwork, outputs: Outputs, batch_size: int, masks: bool
) -> int:
    """Write ``<name>.mp4`` with the classes' colours over each frame; return how many frames.

    The format has even sides: of an odd one the last row or column is left out. A file without a
    frame raises :class:`BrokenImage`.

    Args:
        masks: Whether each frame's label map is written as well, as ``labels/<name>/000000.png``.
    """
    video = _describe(path)
    target = outputs.path('', name, '.mp4')
    count = 0
    with atomic_path(target) as part, Progress(video.frames) as progress:
        hidden = f'{part}.mp4'  # the writer knows the format by the name's end
        try:
            with _writer(hidden, video) as write:
                for frames in _batches(path, batch_size):
                    found = network.predict_arrays(frames, confidence=False)
                    for frame, label in zip(frames, found.label.cpu().numpy(), strict=True):
                        write(overlay(frame, label, network.palette, outputs.opacity))
                        if masks:
                            outputs.mask(LABELS, frame_name(name, count), label, network.palette)
                        count += 1
                    progress.advance(len(frames))
            if not count:
                raise BrokenImage(path, 'no frame of this video can be read')
            os.replace(hidden, part)
        finally:
            with contextlib.suppress(OSError):
                os.remove(hidden)
    return count


def frame_name(video: str, number: int) -> str:
    return f'{video}/{number:06d}'


@contextlib.contextmanager
def _writer(path: str, video: Video) -> Iterator[Callable[[np.ndarray], None]]:
    writer = cv2.VideoWriter(path, cv2.VideoWriter_fourcc(*'mp4v'), video.per_second, video.size)
    if not writer.isOpened():
        raise UserError('This OpenCV writes no mp4 videos: install opencv-python from a wheel.')
    try:
        yield writer.write
    finally:
        writer.release()


def _describe(path: str) -> Video:
    capture = cv2.VideoCapture(path)
    if not capture.isOpened():
        raise BrokenImage(path, 'it is no video that OpenCV reads')
    try:
        frames, rate, width, height = (
            capture.get(what)
            for what in (
                cv2.CAP_PROP_FRAME_COUNT,
                cv2.CAP_PROP_FPS,
                cv2.CAP_PROP_FRAME_WIDTH,
                cv2.CAP_PROP_FRAME_HEIGHT,
            )
        )
    finally:
        capture.release()
    return Video(path, max(0, int(frames)), rate or 25.0, (int(width), int(height)))


def _batches(path: str, size: int) -> Iterator[list[np.ndarray]]:
    capture = cv2.VideoCapture(path)
    frames: list[np.ndarray] = []
    try:
        while True:
            there, frame = capture.read()
            if there:
                frames.append(frame)
            if frames and (not there or len(frames) == size):
                yield frames
                frames = []
            if not there:
                return
    finally:
        capture.release()
