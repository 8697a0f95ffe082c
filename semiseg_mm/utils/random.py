import random
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch
from mmengine.device import get_device


def seed_all(*key: int) -> None:
    """Seed Python, NumPy and torch (all devices) from a tuple of integers."""
    state = np.random.SeedSequence(key).generate_state(3)
    random.seed(int(state[0]))
    np.random.seed(int(state[1]))
    seed_torch(int(state[2]))


def seed_torch(seed: int) -> None:
    """Seed torch on the CPU and on the device in use.

    ``torch.manual_seed`` does it, and writes down a stack trace for each kind of device that this
    process does not use. That takes longer than all the rest, for each sample and each iteration.
    """
    torch.default_generator.manual_seed(seed)
    device = getattr(torch, get_device(), None)
    seed_devices = getattr(device, 'manual_seed_all', getattr(device, 'manual_seed', None))
    if seed_devices is not None and getattr(device, 'is_initialized', lambda: True)():
        seed_devices(seed)


@contextmanager
def preserved_rng() -> Iterator[None]:
    """Give the caller's CPU random state back afterwards."""
    state = random.getstate(), np.random.get_state(), torch.get_rng_state()
    try:
        yield
    finally:
        random.setstate(state[0])
        np.random.set_state(state[1])
        torch.set_rng_state(state[2])
