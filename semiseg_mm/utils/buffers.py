from mmengine.dist import all_reduce, get_world_size
from torch import nn


def average_buffers(model: nn.Module) -> None:
    """Give all processes the same BatchNorm statistics.

    So that they validate one network, and a resumed run is the same run. Doing it twice changes
    nothing.
    """
    if get_world_size() > 1:
        for buffer in model.buffers():
            if buffer.is_floating_point():
                all_reduce(buffer, op='mean')
