"""Stand-ins for the types of NumPy and mmengine that a checkpoint may name.

NumPy's own believe the file: they make arrays of pointers, and shapes that the bytes do not fill.
While a file is read these only note what it says. `finish` makes the real objects in the end, so
no other code sees one that the file can still change.
"""

import math
import pickle
import re
from collections import OrderedDict
from typing import Any

import numpy as np
import torch
from mmengine.logging import HistoryBuffer

NUMBER = re.compile(r'[biufc][0-9]{1,2}')  # bool, int, uint, float, complex
DTYPE_STATE = (None, None, None, -1, -1, 0)  # no subarray, no fields, no flags
HISTORY_METHODS = ('min', 'max', 'current', 'mean')


class Dtype:
    """Stands in for numpy.dtype."""

    def __init__(self, code: str, *_: Any) -> None:
        if type(code) is not str or not NUMBER.fullmatch(code):
            name = code if type(code) is str else type(code).__name__
            raise pickle.UnpicklingError(f'GLOBAL numpy.dtype.{name}')
        self.value = np.dtype(code)

    def __setstate__(self, state: tuple) -> None:
        plain = type(state) is tuple and len(state) == 8 and state[0] == 3
        if not plain or state[1] not in ('<', '>', '|', '=') or state[2:] != DTYPE_STATE:
            raise ValueError('it holds a NumPy type that is more than a number')
        self.value = self.value.newbyteorder(state[1])


class Array:
    """Stands in for numpy.ndarray."""

    value: np.ndarray | None = None
    __hash__ = None  # so it is never a key

    def __setstate__(self, state: tuple) -> None:
        version, shape, dtype, fortran, data = state
        if version != 1:
            raise ValueError(f'it holds a NumPy array of the unknown version {version!r}')
        self.value = _filled(shape, dtype, bool(fortran), data)


class History:
    """Stands in for mmengine's HistoryBuffer."""

    state: dict | None = None
    __hash__ = None

    def __setstate__(self, state: dict) -> None:
        self.state = state


def reconstruct(kind: type, *_: Any) -> Array:
    """Stands in for NumPy's _reconstruct, which each array begins with."""
    if kind is not Array:
        raise ValueError('it holds an array of another type than numpy.ndarray')
    return Array()


def scalar(dtype: Dtype, data: bytes) -> np.generic:
    """Stands in for NumPy's scalar."""
    return _filled((), dtype, False, data)[()]


def no_bytes() -> bytes:
    """Stands in for bytes, which an array without elements is pickled with."""
    return b''


def history_method(owner: Any, name: str) -> str:
    """Stands in for getattr, which mmengine's log histories are pickled with, and no more."""
    if owner is not History or name not in HISTORY_METHODS:
        raise pickle.UnpicklingError(f'GLOBAL getattr of {owner!r}, {name!r}')
    return name


def finish(value: Any, done: dict | None = None) -> Any:
    """Put the real objects in the place of the stand-ins, in dicts, lists and tuples."""
    done = {} if done is None else done  # id -> (object, result); holding it keeps the id its own
    if id(value) in done:
        return done[id(value)][1]
    if isinstance(value, (OrderedDict, torch.Tensor)):
        _check_attributes(value)
    if isinstance(value, (dict, list)):
        done[id(value)] = value, value
        items = dict.items(value) if isinstance(value, dict) else enumerate(value)
        for key, item in list(items):
            new = finish(item, done)
            if new is not item:
                value[key] = new
        return value
    if isinstance(value, (Array, Dtype)):
        if value.value is None:
            raise ValueError('it holds a NumPy array without content')
        return value.value
    result = value
    if isinstance(value, History):
        result = _history(value.state)
    elif type(value) is tuple:
        items = tuple(finish(item, done) for item in value)
        if any(a is not b for a, b in zip(items, value, strict=True)):
            result = items
    done[id(value)] = value, result
    return result


def _filled(shape: tuple, dtype: Dtype, fortran: bool, data: bytes) -> np.ndarray:
    """Return an array of its own memory, in the machine's byte order."""
    if type(dtype) is not Dtype or type(data) is not bytes:
        raise ValueError('it holds a NumPy array of something else than numbers')
    if type(shape) is not tuple or any(type(n) is not int or n < 0 for n in shape):
        raise ValueError('it holds a NumPy array whose shape is none')
    kind = dtype.value
    if math.prod(shape) * kind.itemsize != len(data):
        raise ValueError(f'it holds a NumPy array of shape {shape} with {len(data)} bytes')
    # a bool is 0 or 1; NumPy counts on it
    flat = np.frombuffer(data, 'u1' if kind.kind == 'b' else kind) if data else np.empty(0, kind)
    return flat.astype(kind.newbyteorder('=')).reshape(shape, order='F' if fortran else 'C')


def _history(state: dict | None) -> HistoryBuffer:
    log, count, length = (state[k] for k in ('_log_history', '_count_history', 'max_length'))
    if type(length) is not int or length < 1:
        raise ValueError('it holds a log history whose length is no number')
    return HistoryBuffer(_numbers(log), _numbers(count), length)


def _numbers(value: Any) -> np.ndarray:
    if type(value) is list and all(type(item) in (int, float) for item in value):
        return np.array(value)
    if type(value) is not Array or value.value is None or value.value.ndim != 1:
        raise ValueError('it holds a log history of something else than numbers')
    return value.value


def _check_attributes(value: Any) -> None:
    """Refuse special attributes: NumPy reads from the address in an __array_interface__."""
    for name in vars(value):
        if not isinstance(name, str) or name.startswith('__'):
            raise pickle.UnpicklingError(f'an attribute {name!r}')
