from collections.abc import Sequence

import torch
from mmengine.dist import get_world_size
from torch import Tensor, nn

from semiseg_mm.errors import UserError
from semiseg_mm.utils import gather_rows


class ClassBank(nn.Module):
    """Remember the latest representations of pixels, for each class up to a number.

    What is pushed is gathered from all processes, so all have the same bank. A checkpoint holds
    the rows that there are.

    Args:
        num_classes: Number of classes.
        channels: Of a representation.
        size: How many rows a class keeps; or one number for each class.
    """

    def __init__(self, num_classes: int, channels: int, size: int | Sequence[int]) -> None:
        super().__init__()
        self.sizes = [size] * num_classes if isinstance(size, int) else list(size)
        if len(self.sizes) != num_classes:
            raise UserError(
                f'A bank has {len(self.sizes)} sizes, the data has {num_classes} classes: give one '
                'number, or one for each class.'
            )
        if min(self.sizes) < 1:
            raise UserError(f'A bank keeps at least one row of each class, not {min(self.sizes)}.')
        for number in range(num_classes):
            self.register_buffer(f'class_{number}', torch.zeros(0, channels))

    def rows(self, number: int) -> Tensor:
        """Return the rows N,D of a class, the oldest one first."""
        return self._buffers[f'class_{number}']

    @torch.no_grad()
    def push(self, rows: Sequence[Tensor]) -> None:
        """Add N,D rows for each class; the oldest ones make room."""
        # of more rows than its share, a process would push out those of the others
        share = [-(-size // get_world_size()) for size in self.sizes]
        latest = [own[-limit:].float() for own, limit in zip(rows, share, strict=True)]
        numbers = torch.cat([own.new_full((len(own), 1), k) for k, own in enumerate(latest)])
        found = gather_rows(torch.cat([numbers, torch.cat(latest)], 1))
        for number, size in enumerate(self.sizes):
            new = found[found[:, 0] == number, 1:]  # waits: as many rows as were found
            self._buffers[f'class_{number}'] = torch.cat([self.rows(number), new])[-size:]

    def _load_from_state_dict(self, state_dict: dict, prefix: str, *args) -> None:
        stored = {k: v for k, v in state_dict.items() if k.startswith(f'{prefix}class_')}
        width = {value.shape[1:] for value in (*stored.values(), *self._buffers.values())}
        if len(stored) != len(self.sizes) or len(width) > 1:  # of other classes: start anew
            for key in stored:
                del state_dict[key]
            state_dict.update({prefix + name: own for name, own in self._buffers.items()})
            stored = {}
        for key, value in stored.items():  # as many rows as were stored
            name = key[len(prefix) :]
            self._buffers[name] = self._buffers[name].new_empty(value.shape)
        super()._load_from_state_dict(state_dict, prefix, *args)
