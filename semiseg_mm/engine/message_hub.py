from collections.abc import Iterable

import numpy as np
from mmengine.logging import HistoryBuffer, MessageHub
from torch import Tensor

from semiseg_mm.engine.finite import numbers

MOST = 1000  # values of a key that wait: who never reads them must not keep them all


class LateMessageHub(MessageHub):
    """Keep what is logged on the device until somebody reads it.

    mmengine's fetches each value in each iteration, and the host waits for the device each time. It
    also copies the whole history of a key for each value, which takes longer the longer a run is.
    Here values wait, and are fetched and appended together. Whoever reads finds the same histories
    as in mmengine's, a checkpoint included.
    """

    def __init__(self, name: str, **kwargs) -> None:
        self._waiting: dict[str, list[tuple]] = {}
        super().__init__(name, **kwargs)

    def update_scalar(self, key: str, value, count: int = 1, resumed: bool = True) -> None:
        """Take a number, or a tensor of one number, which may be on the device."""
        if isinstance(value, Tensor):
            if value.numel() != 1:
                raise ValueError(f'{key} is logged as one number, not as {tuple(value.shape)}.')
            value = value.detach()
        else:
            value = self._get_valid_value(value)
        self._set_resumed_keys(key, resumed)
        self._log_scalars.setdefault(key, HistoryBuffer())  # keys keep their order in the log
        waiting = self._waiting.setdefault(key, [])
        waiting.append((value, count))
        if len(waiting) >= MOST:
            self._settle()

    @property
    def log_scalars(self):
        """Return all histories."""
        self._settle()
        return self._log_scalars

    def get_scalar(self, key: str) -> HistoryBuffer:
        """Return the history of a key; those of other keys may wait on."""
        self._settle([key])
        if key not in self._log_scalars:
            raise KeyError(f'{key} is not logged in {self.instance_name}')
        return self._log_scalars[key]

    def state_dict(self) -> dict:
        """Return what a checkpoint holds."""
        self._settle()
        return super().state_dict()

    def _settle(self, keys: Iterable[str] | None = None) -> None:
        """Append what waits, of all keys or of some; the host waits for the device once at most."""
        own = {key: self._waiting.pop(key, []) for key in list(keys or self._waiting)}
        late = [value for pairs in own.values() for value, _ in pairs if isinstance(value, Tensor)]
        fetched = iter(numbers(late))
        for key, pairs in own.items():
            if pairs:
                values = [next(fetched) if isinstance(v, Tensor) else v for v, _ in pairs]
                extend(self._log_scalars[key], values, [count for _, count in pairs])


def extend(history: HistoryBuffer, values: list[float], counts: list[int]) -> None:
    """Append to a history as its ``update`` does, all at once."""
    for name, new in (('_log_history', values), ('_count_history', counts)):
        old = getattr(history, name)
        both = np.append(old, new) if len(old) else np.array(new)
        setattr(history, name, both[-history.max_length :])
