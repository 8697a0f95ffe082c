import os

os.environ.setdefault('OMP_NUM_THREADS', '1')

import pytest
import torch
from mmengine.registry import init_default_scope

import semiseg_mm.engine  # noqa: F401  (registers everything, and the safe loaders)

torch.set_num_threads(1)


@pytest.fixture(autouse=True)
def default_scope():
    """Types resolve as in a run."""
    init_default_scope('semiseg_mm')
