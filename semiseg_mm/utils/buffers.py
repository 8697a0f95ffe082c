from collections.abc import Iterator

from mmengine.dist import all_reduce, get_world_size
from torch import Tensor, nn

from .wrapping import unwrapped

STATISTICS = ('running_mean', 'running_var')


def average_buffers(model: nn.Module) -> None:
    """Give all processes the same running statistics of norm layers.

    So that they validate one network, and a resumed run is the same run. Doing it twice changes
    nothing (with 3, 5, 6, … processes the last bit). Other buffers (banks, thresholds) are a
    method's own, which keeps them equal; a frozen guide has the same ones anyway.
    """
    if get_world_size() == 1:
        return
    for _, buffer in running_statistics(unwrapped(model)):
        all_reduce(buffer, op='mean')


def running_statistics(model: nn.Module) -> Iterator[tuple[str, Tensor]]:
    """Yield those of all norm layers that change in a training, each with its name."""
    guides = [model.module_of(name) for name in getattr(model, 'guides', ())]
    still = {id(module) for guide in guides for module in guide.modules()}
    for prefix, module in model.named_modules():
        for name in STATISTICS if id(module) not in still else ():
            buffer = module._buffers.get(name)
            if buffer is not None:
                yield f'{prefix}.{name}' if prefix else name, buffer
