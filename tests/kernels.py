"""What torch's deterministic mode would refuse on a GPU, noticed on a CPU."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch.utils._python_dispatch import TorchDispatchMode

# As the documentation of torch.use_deterministic_algorithms lists them. Bilinear interpolation is
# not among them: in that mode torch itself takes another way on a GPU.
REFUSED = {
    '_adaptive_avg_pool2d_backward', 'adaptive_max_pool2d_backward', 'grid_sampler_2d_backward',
    'histc', 'kthvalue', 'max_unpool2d', 'median', 'put_', 'reflection_pad2d_backward',
    'upsample_bicubic2d_backward',
}  # fmt: skip


class _Watch(TorchDispatchMode):
    def __init__(self) -> None:
        super().__init__()
        self.refused: set[str] = set()

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        kwargs, name = kwargs or {}, func.overloadpacket.__name__
        floats = isinstance(args[0], torch.Tensor) and args[0].is_floating_point() if args else None
        reduced = name == 'nll_loss2d_forward' and args[3] != 0
        weighted = name == 'bincount' and len(args) > 1 and args[1] is not None
        if name in REFUSED or reduced or weighted or (name == 'cumsum' and floats):
            self.refused.add(name)
        return func(*args, **kwargs)


@contextmanager
def deterministic() -> Iterator[set[str]]:
    """Turn torch's deterministic mode on; yields the names of operations it refuses on a GPU."""
    torch.use_deterministic_algorithms(True)
    try:
        with _Watch() as watch:
            yield watch.refused
    finally:
        torch.use_deterministic_algorithms(False)
