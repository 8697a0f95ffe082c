"""Where runs take place, and with what."""

import os

import torch

from semiseg_mm.apis.processes import share_cores


def places(jobs: int | None = None) -> list[str | None]:
    """Return the GPU of each run at once: one run a GPU unless ``jobs`` says more."""
    found = gpus()
    if not found:
        return [None] * (jobs or share_cores()[0])
    return [found[k % len(found)] for k in range(jobs or len(found))]


def gpus() -> list[str]:
    count = torch.cuda.device_count()  # starts no context
    visible = os.environ.get('CUDA_VISIBLE_DEVICES')
    names = visible.split(',') if visible else map(str, range(count))
    return [name.strip() for name in names][:count]


def threads() -> int:
    """Return a run's threads: as many whatever runs beside it, or its sums would differ by that."""
    return int(os.environ.get('OMP_NUM_THREADS') or share_cores()[1])
