"""Count where a training step would wait for a GPU, on a machine that has none."""

import sys
from collections.abc import Iterable
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.multiprocessing.reductions import StorageWeakRef
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_flatten

FETCHING = ('tolist', 'numpy', 'cpu', '__array__')  # methods that bring a tensor to the host
# operators whose result, or its size, the host must know
COUNTING = (
    *('_local_scalar_dense', 'is_nonzero', 'equal', 'nonzero', 'masked_select', 'bincount'),
    *('unique', '_unique', '_unique2', 'unique_dim', 'unique_consecutive'),
)
OWN = str(Path(torch.__file__).parent)


class Waits:
    """Collect the places at which the code inside would wait for the device.

    The weights of the modules and all that is moved with ``.to(device)`` are on "the device", and
    so is all that is computed from it; the rest is on the host. On a real GPU these wait: reading
    a value (``item``, ``bool``, ``tolist``, ``cpu``), results whose size depends on values
    (``nonzero``, boolean indexing, ``unique``), and copies that do not say ``non_blocking``.

    With a GPU and ``real=True`` torch itself stops the code at the first place.
    """

    def __init__(self, *modules: nn.Module, real: bool = False) -> None:
        self.places: list[str] = []
        self.paused = False
        self._known: dict[int, StorageWeakRef] = {}
        self._modules = modules
        self._modes = () if real else (_Calls(self), _Operators(self))
        self._real = real

    def __enter__(self) -> 'Waits':
        if self._real:
            torch.cuda.set_sync_debug_mode('error')
        for module in self._modules:
            self.mark([*module.parameters(), *module.buffers()])
        for mode in self._modes:
            mode.__enter__()
        return self

    def __exit__(self, *error) -> None:
        for mode in reversed(self._modes):
            mode.__exit__(*error)
        if self._real:
            torch.cuda.set_sync_debug_mode('default')

    def mark(self, tensors: Iterable) -> None:
        """Put tensors on "the device"."""
        for tensor in tensors:
            if isinstance(tensor, Tensor):
                storage = tensor.untyped_storage()
                self._known.setdefault(storage._cdata, StorageWeakRef(storage))

    def knows(self, tensor) -> bool:
        """Return whether a tensor is on "the device"."""
        return isinstance(tensor, Tensor) and tensor.untyped_storage()._cdata in self._known

    def note(self, what: str) -> None:
        """Write down who waits: the innermost code that is not torch's own."""
        frame = sys._getframe(1)
        while frame.f_back and frame.f_code.co_filename.startswith((OWN, __file__)):
            frame = frame.f_back
        path = Path(frame.f_code.co_filename)
        self.places.append(f'{what} at {path.parent.name}/{path.name}:{frame.f_lineno}')


class _Calls(TorchFunctionMode):
    """Watch what Python calls: moves, and values that leave torch without an operator."""

    def __init__(self, waits: Waits) -> None:
        super().__init__()
        self.waits = waits

    def __torch_function__(self, func, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        name = getattr(func, '__name__', '')
        if name == 'to' and args:
            return self._moved(func, args, kwargs)
        if name in FETCHING and self.waits.knows(args[0]):
            self.waits.note(name)
        self.waits.paused = name == 'one_hot'  # which checks its range, on the CPU alone
        found = func(*args, **kwargs)
        self.waits.paused = False
        if name == 'new_tensor' and self.waits.knows(args[0]):
            self.waits.note('blocking copy (new_tensor)')
            self.waits.mark([found])
        if kwargs.get('device') is not None and isinstance(found, Tensor):
            if name in ('tensor', 'as_tensor'):
                self.waits.note(f'blocking copy ({name})')
            self.waits.mark([found])
        return found

    def _moved(self, func, args: tuple, kwargs: dict) -> Tensor:
        tensor, rest = args[0], args[1:]
        before, found = self.waits.knows(tensor), func(*args, **kwargs)
        if rest and isinstance(rest[0], Tensor):
            device, non_blocking = rest[0].device, kwargs.get('non_blocking', False)
        else:
            device, _, non_blocking, _ = torch._C._nn._parse_to(*rest, **kwargs)
        if device is None or before:
            return found
        if not non_blocking:
            self.waits.note('blocking copy (to)')
        if found is tensor:  # what stays on the host must not be known as moved
            found = tensor.clone()
        self.waits.mark([found])
        return found


class _Operators(TorchDispatchMode):
    """Watch what torch executes, also inside of its own functions and in backward passes."""

    def __init__(self, waits: Waits) -> None:
        super().__init__()
        self.waits = waits

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        kwargs, waits = kwargs or {}, self.waits
        inputs = [leaf for leaf in tree_flatten((args, kwargs))[0] if isinstance(leaf, Tensor)]
        involved = any(waits.knows(tensor) for tensor in inputs)
        if involved:
            what = self._waiting(func.overloadpacket.__name__, args, kwargs)
            if what and not waits.paused:
                waits.note(what)
        found = func(*args, **kwargs)
        if involved:
            waits.mark(tree_flatten(found)[0])
        return found

    def _waiting(self, name: str, args: tuple, kwargs: dict) -> str | None:
        if name in COUNTING:
            return name
        if name == 'repeat_interleave' and kwargs.get('output_size') is None:
            return name
        if name in ('index', 'index_put', 'index_put_', '_index_put_impl_'):
            places = [index for index in args[1] if index is not None]
            one_value = name != 'index' and args[2].numel() == 1
            if any(index.dtype in (torch.bool, torch.uint8) for index in places):
                return None if one_value else f'{name} by booleans'
            if self.waits.knows(args[0]) and not all(map(self.waits.knows, places)):
                return f'blocking copy ({name} by numbers of the host)'
        if name == 'copy_' and not (kwargs.get('non_blocking') or args[2:3] == (True,)):
            own, other = (self.waits.knows(tensor) for tensor in args[:2])
            if own != other and args[1].numel() > 1:
                return 'blocking copy (copy_)'
        return None
