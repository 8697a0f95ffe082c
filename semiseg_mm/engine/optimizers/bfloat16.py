from collections.abc import Iterator
from contextlib import contextmanager

import torch
from mmengine.optim import OptimWrapper
from mmengine.runner import autocast
from torch import nn

from semiseg_mm.registry import OPTIM_WRAPPERS


@OPTIM_WRAPPERS.register_module()
class Bfloat16OptimWrapper(OptimWrapper):
    """Compute losses in bfloat16 where autocast allows it, on a GPU or a CPU.

    mmengine's AmpOptimWrapper works on GPUs alone, and scales the loss, which waits for the device
    in each step. bfloat16 has the range of single precision and needs no scale.
    """

    @contextmanager
    def optim_context(self, model: nn.Module) -> Iterator[None]:
        with super().optim_context(model), autocast(dtype=torch.bfloat16):
            yield
