from mmengine.dist import all_reduce, get_world_size
from torch import nn

STATISTICS = ('running_mean', 'running_var')


def average_buffers(model: nn.Module) -> None:
    """Give all processes the same running statistics of norm layers.

    So that they validate one network, and a resumed run is the same run. Doing it twice changes
    nothing. Other buffers (banks, thresholds) are a method's own, which keeps them equal.
    """
    if get_world_size() > 1:
        for module in model.modules():
            for name in STATISTICS:
                buffer = module._buffers.get(name)
                if buffer is not None:
                    all_reduce(buffer, op='mean')
