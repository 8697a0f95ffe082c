from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from typing import Any

import cv2
import torch
from torch.utils.data import DataLoader, Dataset

from semiseg_mm.errors import UserError

FEW = 8  # up to here no worker is worth its start


def loaded(source: Dataset, order: Sequence[int], workers: int, batch_size: int) -> Generator:
    """The items in this order, about a batch ahead: an image may be many megabytes.

    Workers start now, not with the first item, and end when it is closed.
    """
    workers = workers if len(order) > FEW else 0
    ahead = dict(prefetch_factor=1 + -(-batch_size // workers)) if workers else {}
    loader = DataLoader(
        _Shielded(source),
        batch_size=None,
        sampler=order,
        num_workers=workers,
        collate_fn=_same,
        worker_init_fn=_single_thread,
        pin_memory=torch.cuda.is_initialized(),
        **ahead,
    )
    return _raising(iter(loader))


class _Shielded(Dataset):
    """Hands on users' errors as text: torch would put the worker's traceback into them."""

    def __init__(self, source: Dataset) -> None:
        self.source = source

    def __len__(self) -> int:
        return len(self.source)

    def __getitem__(self, index: int) -> tuple[Any, str | None]:
        try:
            return self.source[index], None
        except UserError as error:
            return None, str(error)


def _raising(items: Iterator) -> Generator:
    try:
        for item, error in items:
            if error:
                raise UserError(error)
            yield item
    finally:
        # left to the garbage collector, it can come in a thread that the workers wait for
        if hasattr(items, '_shutdown_workers'):
            items._shutdown_workers()


def _same(item: Any) -> Any:
    return item


def _single_thread(_: int) -> None:
    cv2.setNumThreads(0)
