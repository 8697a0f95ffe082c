"""Files that NumPy's own unpickling would crash on, or read other memory for."""

import contextlib
import os
import pickle
import traceback
from collections import OrderedDict

import numpy as np
import pytest
import torch
from mmengine.logging import HistoryBuffer

from semiseg_mm.engine import checkpoint as ckpt
from semiseg_mm.errors import UserError

pytestmark = pytest.mark.skipif(
    not hasattr(torch.serialization, 'safe_globals'), reason='torch has no allow-list'
)
RECONSTRUCT = np.array([1.0]).__reduce__()[0]
SCALAR = np.float64(1).__reduce__()[0]
ADDRESS = b'AAAAAAAA'
NUMBERS = (3, '<', None, None, None, -1, -1, 0)


class Made:
    """Is pickled as the call of a function and a state to set, whatever these are."""

    def __init__(self, function, args, state=None):
        self.reduced = (function, args) if state is None else (function, args, state)

    def __reduce__(self):
        return self.reduced


def dtype(code='f8', state=NUMBERS):
    return Made(np.dtype, (code, False, True), state)


def array(shape=(1,), kind=None, data=ADDRESS, fortran=False, version=1):
    state = (version, shape, kind or dtype(), fortran, data)
    return Made(RECONSTRUCT, (np.ndarray, (0,), b'b'), state)


def history(log, count=None, **others):
    state = dict(_log_history=log, _count_history=count or log, max_length=10, **others)
    return Made(HistoryBuffer, (), state)


def pretending() -> OrderedDict:
    """To NumPy it is an array of objects at an address."""
    value = OrderedDict(a=1)
    value.__array_interface__ = dict(data=(0x41414141, False), shape=(1,), typestr='|O', version=3)
    return value


OBJECTS = (3, '|', None, None, None, -1, -1, 63)
CRAFTED = dict(
    ndarray_called=Made(np.ndarray, ((1,), 'O', ADDRESS)),
    ndarray_in_history=Made(HistoryBuffer, (Made(np.ndarray, ((1,), 'O', ADDRESS)),) * 2),
    ndarray_before_its_buffer=Made(np.ndarray, ((1,), 'i8', ADDRESS, -64)),
    ndarray_far_before_its_buffer=Made(np.ndarray, ((1,), 'i8', ADDRESS, -(2**31))),
    ndarray_of_negative_strides=Made(np.ndarray, ((4,), 'i8', ADDRESS, 0, (-8,))),
    objects=array(kind=dtype('O8', OBJECTS)),
    objects_in_a_list=array(kind=dtype('O8', OBJECTS), data=[1]),
    object_without_size=array(kind=dtype('O', OBJECTS)),
    object_scalar=Made(SCALAR, (dtype('O8', OBJECTS), ADDRESS)),
    object_reconstruct=Made(RECONSTRUCT, (np.ndarray, (3,), b'O')),
    float_that_becomes_object=array(kind=dtype('f8', OBJECTS)),
    float_with_item_size=array(kind=dtype('f8', (3, '<', None, None, None, 2**20, -1, 0))),
    float_with_fields=array(
        kind=dtype('f8', (3, '|', None, ('a',), {'a': (dtype('O8', OBJECTS), 0)}, 8, 1, 16))
    ),
    subarray=array(kind=dtype('f8', (3, '|', (dtype(), (99,)), None, None, 8, 1, 0))),
    structured=array(
        kind=dtype('V8', (3, '|', None, ('a',), {'a': (dtype('O8', OBJECTS), 0)}, 8, 1, 16))
    ),
    nested_dtype=array(kind=Made(np.dtype, (dtype(), False, True), NUMBERS)),
    dtype_of_a_list=array(kind=dtype([('a', 'O')])),
    dtype_of_a_buffer=array(kind=dtype('f8', ADDRESS)),
    dtype_of_an_old_version=array(kind=dtype('f8', (1, '<', None, None, None))),
    dtype_with_metadata=array(kind=dtype('f8', (4, *NUMBERS[1:], {}))),
    no_dtype=array(kind='f8'),
    text=array(kind=dtype('U2', (3, '<', None, None, None, 8, 4, 8))),
    time=array(kind=dtype('M8', (4, '<', None, None, None, -1, -1, 0, ({}, (b'ns', 1, 1, 1))))),
    buffer_too_small=array(shape=(1000,)),
    buffer_too_large=array(data=ADDRESS * 2),
    bytes_without_end=Made(bytes, (2**40,)),
    buffer_is_text=array(data='AAAAAAAA'),
    scalar_too_small=Made(SCALAR, (dtype(), b'')),
    scalar_of_none=Made(SCALAR, (dtype(), None)),
    scalar_of_class=Made(SCALAR, (np.ndarray, ADDRESS)),
    negative_shape=array(shape=(-1,)),
    negative_twice=array(shape=(-1, -1)),
    endless_shape=array(shape=(2**62, 4), data=b''),
    endless_and_empty=array(shape=(2**70, 0), data=b''),
    shape_is_a_number=array(shape=1),
    shape_of_floats=array(shape=(1.0,)),
    many_dimensions=array(shape=(1,) * 100),
    another_version=array(version=0),
    short_state=Made(RECONSTRUCT, (np.ndarray, (0,), b'b'), (1, (1,))),
    another_class=Made(RECONSTRUCT, (HistoryBuffer, (0,), b'b')),
    never_filled=Made(RECONSTRUCT, (np.ndarray, (2**40,), b'd')),
    tensor_of_it=Made(
        torch._utils._rebuild_device_tensor_from_numpy, (array(), 'f8', 'cpu', False)
    ),
    history_of_objects=history(array(kind=dtype('O8', OBJECTS))),
    history_of_nothing=Made(HistoryBuffer, (), dict(max_length=1)),
    history_of_text=history(['a']),
    history_of_a_pretender=history(pretending()),
    history_called=Made(HistoryBuffer, (pretending(),) * 2),
    history_of_two_dimensions=history(array(shape=(1, 1))),
    history_of_unequal_lengths=history(array(), array(shape=(0,), data=b'')),
    pretender=pretending(),
)


def used(value) -> None:
    """Do what reading programs do: print it, compute with it, save it."""
    repr(value)
    pickle.dumps(ckpt.to_plain(value))
    for item in value.values() if isinstance(value, dict) else ():
        if isinstance(item, HistoryBuffer) and len(item.data[0]):
            item.update(1.0)
            item.mean()
        np.array(item).sum()


def in_child(task) -> int:
    """Run it in a forked process, whose crash is a status of its own."""
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            np.seterr(all='ignore')
            task()
            status = 0
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(status)
    return os.waitpid(pid, 0)[1]


def test_crafted_files_are_refused(tmp_path):
    """In one child: with NumPy's own functions it crashes at the second of them."""

    def load_each():
        for name, content in CRAFTED.items():
            path = tmp_path / f'{name}.pth'
            torch.save(dict(content=content), path)
            try:
                used(ckpt.safe_load(path))
            except UserError as error:
                assert f'{name}.pth' in str(error)
            else:
                raise AssertionError(f'{name} was loaded')

    assert in_child(load_each) == 0


def ordinary() -> dict:
    return dict(
        log=HistoryBuffer(np.array([1.0, 2.0]), np.array([1, 1]), 10),
        score=np.float32(0.5),
        flags=np.array([True, False]),
        palette=np.arange(6).reshape(2, 3),
        w=torch.ones(2),
    )


def test_changed_bytes_never_crash(tmp_path):
    """Pickles without checksums, as old ones are, with 1 to 4 bytes that differ."""
    torch.save(ordinary(), tmp_path / 'whole.pth', _use_new_zipfile_serialization=False)
    whole, path = (tmp_path / 'whole.pth').read_bytes(), tmp_path / 'changed.pth'

    def load_each():
        rng, refused = np.random.default_rng(0), 0
        for _ in range(600):
            content = bytearray(whole)
            for at in rng.integers(0, len(whole), rng.integers(1, 5)):
                content[at] = rng.choice([rng.integers(256), content[(at + 1) % len(whole)]])
            path.write_bytes(content)
            try:
                loaded = ckpt.safe_load(path)
            except UserError:
                refused += 1
            else:
                with contextlib.suppress(Exception):  # sense is not asked for here
                    used(loaded)
        assert 100 < refused < 600

    assert in_child(load_each) == 0


@pytest.mark.parametrize('code', ['b1', 'i1', 'u2', 'i4', '>i8', 'f2', '>f4', 'f8', 'c16', 'f16'])
@pytest.mark.parametrize('zipped', [True, False])
def test_numbers_come_back(code, zipped, tmp_path):
    """Also of other byte orders, in Fortran's order, empty, without dimensions, shared."""
    grid = np.arange(6).reshape(2, 3).astype(code)
    values = [grid, np.asfortranarray(grid), grid[:0], grid[0, 1], np.array(grid[1, 2])]
    path = tmp_path / 'numbers.pth'
    content = dict(values=values, nested=(grid, [grid]), kind=grid.dtype)
    torch.save(content, path, _use_new_zipfile_serialization=zipped)
    loaded = ckpt.safe_load(path)
    for before, after in zip(values, loaded['values'], strict=True):
        assert type(after) is type(before) and after.shape == before.shape
        assert after.dtype == before.dtype.newbyteorder('=') and np.array_equal(after, before)
    assert loaded['nested'][0] is loaded['nested'][1][0] is loaded['values'][0]
    assert loaded['kind'] == grid.dtype
    if grid.size:
        loaded['values'][0][0, 0] = 1  # it may be written to


def test_a_history_without_entries_loads(tmp_path):
    torch.save(HistoryBuffer(), tmp_path / 'empty.pth')
    assert ckpt.safe_load(tmp_path / 'empty.pth').data[0].shape == (0,)


def test_a_bool_is_0_or_1(tmp_path):
    """NumPy counts by adding the bytes, and reserves memory by the count."""
    kind = dtype('b1', (3, '|', None, None, None, -1, -1, 0))
    torch.save(array(shape=(2,), kind=kind, data=b'\xff\x00'), tmp_path / 'bool.pth')
    assert ckpt.safe_load(tmp_path / 'bool.pth').view('u1').tolist() == [1, 0]


def test_files_of_numpy_1_load(tmp_path):
    """Its functions have another module name."""
    path = tmp_path / 'old.pth'
    torch.save(ordinary(), path, _use_new_zipfile_serialization=False)
    other, own = b'numpy.core.multiarray\n', b'numpy._core.multiarray\n'
    content = path.read_bytes()
    swapped = content.replace(own, other) if own in content else content.replace(other, own)
    assert swapped != content
    path.write_bytes(swapped)
    loaded = ckpt.safe_load(path)
    assert loaded['log'].mean() == 1.5 and loaded['log'].max_length == 10
    assert loaded['score'] == 0.5 and loaded['palette'].tolist() == [[0, 1, 2], [3, 4, 5]]


def test_what_others_have_allowed_stays_but_is_not_used(tmp_path):
    torch.save(dict(a=CRAFTED['ndarray_called']), tmp_path / 'bad.pth')
    with torch.serialization.safe_globals([np.ndarray, OrderedDict]):
        before = set(torch.serialization.get_safe_globals())
        with pytest.raises(UserError):
            ckpt.safe_load(tmp_path / 'bad.pth')
        assert set(torch.serialization.get_safe_globals()) == before


def test_attributes_of_a_state_dict_stay(tmp_path):
    weights = torch.nn.Linear(2, 2).state_dict()
    torch.save(dict(state_dict=weights), tmp_path / 'weights.pth')
    loaded = ckpt.safe_load(tmp_path / 'weights.pth')['state_dict']
    assert loaded._metadata == weights._metadata and list(loaded) == list(weights)
