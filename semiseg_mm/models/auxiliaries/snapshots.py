import torch
from mmengine.dist import all_reduce
from torch import Tensor, nn

from semiseg_mm.utils import check_count


class Snapshots(nn.Module):
    """Remember former weights of a network, the latest ones up to a number.

    A snapshot has the parameters and the running statistics in one row, the mean over all
    processes, so all have the same ones. A checkpoint holds the snapshots that there are.

    Args:
        network: The network.
        size: How many snapshots are kept.
    """

    def __init__(self, network: nn.Module, size: int) -> None:
        super().__init__()
        check_count('size', size, 'Snapshots', least=1)
        self.length = sum(value.numel() for value in _weights(network).values())
        for number in range(size):
            self.register_buffer(f'weights_{number}', torch.zeros(0))

    def __len__(self) -> int:
        return sum(len(row) > 0 for row in self._buffers.values())

    @torch.no_grad()
    def push(self, network: nn.Module) -> None:
        """Add the network as it is now; the oldest snapshot makes room."""
        new = torch.cat([value.flatten().float() for value in _weights(network).values()])
        all_reduce(new, op='mean')
        stored = [*self._rows(), new][-len(self._buffers) :]
        self._buffers.update({f'weights_{number}': row for number, row in enumerate(stored)})

    def weights(self, number: int, network: nn.Module) -> dict[str, Tensor]:
        """Return a snapshot by the names of the network, the oldest one first."""
        own = _weights(network)
        parts = self._rows()[number].split([value.numel() for value in own.values()])
        return {
            name: part.view_as(value)
            for (name, value), part in zip(own.items(), parts, strict=True)
        }

    def _rows(self) -> list[Tensor]:
        return [row for row in self._buffers.values() if len(row)]

    def _load_from_state_dict(self, state_dict: dict, prefix: str, *args) -> None:
        for name, row in self._buffers.items():
            stored = state_dict.get(prefix + name, row)
            if len(stored) in (0, self.length):
                self._buffers[name] = row.new_empty(stored.shape)
            else:  # of another network: start anew
                state_dict[prefix + name] = row
        super()._load_from_state_dict(state_dict, prefix, *args)


def _weights(network: nn.Module) -> dict[str, Tensor]:
    """Return all that a forward depends on; counters of batches are not among them."""
    return {k: value for k, value in network.state_dict().items() if value.is_floating_point()}
