"""Predicting many images: workers load ahead, the device computes, threads write.

What is computed for an image depends on its chunk alone: images of one shape share batches, in
the order of the list. Workers, processes and interruptions change nothing.
"""

from __future__ import annotations

import contextlib
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from semiseg_mm.errors import UserError

from .agreement import mean_ious
from .loading import loaded
from .predictor import Predictor
from .progress import Progress
from .source import ImageSource

WRITERS = 2  # threads
Chunks = Mapping[int, Sequence[int]]  # number: indices in the source
Size = tuple[int, int]  # (h, w) of the images' files
Broken = list[tuple[str, str]]  # id, reason
Write = Callable[[str, np.ndarray, np.ndarray | None], object]


def predict_labels(
    source: ImageSource,
    chunks: Chunks,
    predictor: Predictor,
    write: Write,
    done: Callable[[int, list, Broken], None],
    batch_size: int = 8,
    workers: int = 2,
    with_confidence: bool = False,
) -> None:
    """Label every image of the chunks.

    ``write(id, label, confidence)`` gets H,W uint8 arrays (a confidence c stands for c / 255) of
    the size that the image has as a file, and runs in a thread. ``done(number, written, broken)``
    is called for each chunk, in order, when all of it is written, with what ``write`` returned. An
    error of either ends the call.
    """

    def compute(images: list[Tensor], size: Size) -> list[tuple]:
        found = predictor.predict(images, with_confidence, size)
        confidence = found.confidence if with_confidence else [None] * len(images)
        return [(*pair, found.finite) for pair in zip(found.label, confidence, strict=True)]

    def finish(name: str, label: Tensor, confidence: Tensor | None, finite: Tensor) -> object:
        _check(name, finite)
        confidence = None if confidence is None else confidence.cpu().numpy()
        return write(name, label.cpu().numpy(), confidence)

    _run(source, chunks, compute, finish, done, batch_size, workers)


def predict_agreement(
    source: ImageSource,
    chunks: Chunks,
    predictors: Sequence[Predictor],
    done: Callable[[int, list[tuple[str, list[float]]], Broken], None],
    batch_size: int = 8,
    workers: int = 2,
) -> None:
    """For each image the mean IoU of each earlier network with the last one."""
    classes = predictors[-1].num_classes

    @torch.inference_mode()
    def compute(images: list[Tensor], _: Size) -> list[tuple]:
        *earlier, last = (predictor.predict(images) for predictor in predictors)
        ious = [mean_ious(one.label, last.label, classes) for one in earlier]
        finite = torch.stack([one.finite for one in (*earlier, last)]).all()
        return [(row, finite) for row in torch.stack(ious, 1)]  # B rows

    def finish(name: str, ious: Tensor, finite: Tensor) -> tuple[str, list[float]]:
        _check(name, finite)
        return name, ious.tolist()

    _run(source, chunks, compute, finish, done, batch_size, workers)


def _check(name: str, finite: Tensor) -> None:
    if not finite:
        raise UserError(
            f'The network gives NaN or infinite scores for {name} or an image in the same batch: '
            'its training diverged, or it needs single precision (amp=False).'
        )


# ------------------------------------------------------------------ what both have in common


def _run(
    source: ImageSource,
    chunks: Chunks,
    compute: Callable[[list[Tensor], Size], Sequence[tuple]],
    finish: Callable[..., Any],
    done: Callable[[int, list, Broken], None],
    batch_size: int,
    workers: int,
) -> None:
    """``compute`` returns a tuple for each image of a batch, and ``finish`` gets it in a thread,
    so that the device need not wait for what it has computed.
    """
    order = [index for chunk in chunks.values() for index in chunk]
    # workers are forked before threads start: they would inherit the threads' locks
    items = loaded(source, order, workers, batch_size)
    with contextlib.closing(items), _pool(WRITERS) as pool, Progress(len(order)) as progress:
        backlog = _Backlog(done, limit=2 * (batch_size + WRITERS))
        for number, indices in chunks.items():
            chunk = _Chunk(number, [None] * len(indices), [])
            for places, images, size in _batches(items, chunk, source.ids, batch_size):
                for place, result in zip(places, compute(images, size), strict=True):
                    name = source.ids[indices[place]]
                    chunk.futures[place] = pool.submit(finish, name, *result)
                    backlog.futures.append(chunk.futures[place])
                backlog.settle()
                progress.advance(len(images))
            backlog.chunks.append(chunk)
            progress.advance(len(chunk.broken))
        backlog.settle(everything=True)


class _Chunk(NamedTuple):
    number: int
    futures: list[Future | None]  # of each image; None for a broken one
    broken: Broken

    @property
    def finished(self) -> bool:
        return all(future is None or future.done() for future in self.futures)


class _Backlog:
    """What is computed, but not finished: no more than ``limit`` images, and their chunks."""

    def __init__(self, done: Callable[[int, list, Broken], None], limit: int) -> None:
        self.done, self.limit = done, limit
        self.chunks: deque[_Chunk] = deque()
        self.futures: deque[Future] = deque()

    def settle(self, everything: bool = False) -> None:
        """Wait for as much as necessary, report chunks, and raise what a thread raised."""
        limit = 0 if everything else self.limit
        while len(self.futures) > limit and self.futures[0].exception() is None:  # it waits
            self.futures.popleft()
        while self.chunks and self.chunks[0].finished:
            chunk = self.chunks.popleft()
            finished = [future.result() for future in chunk.futures if future is not None]
            self.done(chunk.number, finished, chunk.broken)
        for future in self.futures:
            if future.done():
                future.result()


def _batches(
    items: Iterator, chunk: _Chunk, ids: Sequence[str], size: int
) -> Iterator[tuple[list[int], list[Tensor], Size]]:
    """Places in the chunk, and images of one shape that are files of one size; no more are held
    than batches need.
    """
    waiting: dict[tuple, tuple[list[int], list[Tensor], Size]] = {}
    for place in range(len(chunk.futures)):
        item = next(items)
        if item.image is None:
            chunk.broken.append((ids[item.index], item.reason))
            continue
        kind = item.image.shape, item.size
        places, images, _ = waiting.setdefault(kind, ([], [], item.size))
        places.append(place)
        images.append(item.image)
        if len(images) == size:
            yield waiting.pop(kind)
    yield from waiting.values()


@contextlib.contextmanager
def _pool(threads: int) -> Iterator[ThreadPoolExecutor]:
    """After an error nothing that waits is begun."""
    pool = ThreadPoolExecutor(threads)
    try:
        yield pool
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
