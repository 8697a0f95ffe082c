"""Checkpoints: written whole or not at all, loaded without running code."""

import contextlib
import hashlib
import os
import os.path as osp
import pickle
import re
import zipfile
from collections.abc import Callable, Iterator
from functools import lru_cache
from http.client import HTTPException
from typing import Any
from urllib.error import URLError

import numpy as np
import torch
from mmengine.dist import is_main_process
from mmengine.logging import HistoryBuffer, print_log
from mmengine.runner import checkpoint as mmengine_checkpoint
from mmengine.runner.checkpoint import CheckpointLoader

from semiseg_mm.engine import stand_ins
from semiseg_mm.engine.packaged_weights import packaged_file
from semiseg_mm.errors import UserError
from semiseg_mm.utils import atomic_write_text, make_folder

HISTORY = '__history_buffer__'
NUMPY_CORES = ('numpy.core.multiarray', 'numpy._core.multiarray')  # of NumPy 1 and 2
STAND_INS = {
    f'{HistoryBuffer.__module__}.HistoryBuffer': stand_ins.History,
    'numpy.ndarray': stand_ins.Array,
    'numpy.dtype': stand_ins.Dtype,
    **{f'{core}._reconstruct': stand_ins.reconstruct for core in NUMPY_CORES},
    **{f'{core}.scalar': stand_ins.scalar for core in NUMPY_CORES},
    'builtins.bytes': stand_ins.no_bytes,
    'builtins.getattr': stand_ins.history_method,
    '__builtin__.getattr': stand_ins.history_method,
}
ZIP_START, ZIP_END = b'PK\x03\x04', b'PK\x05\x06'
FOLDER = 0x10  # of a part's attributes
ZIP_END_BYTES = 22  # torch writes no comment behind it
CHECKPOINT = re.compile(r'^(?:iter|epoch)_(\d+)\.pth$')

# ------------------------------------------------------------------ plain content


def to_plain(value: Any) -> Any:
    """Replace what a safe loader would refuse: log histories, NumPy scalars and arrays."""
    if isinstance(value, HistoryBuffer):
        log, count = value.data
        return {
            HISTORY: (
                torch.as_tensor(np.asarray(log, dtype=np.float64)),
                torch.as_tensor(np.asarray(count, dtype=np.int64)),
                value.max_length,
            )
        }
    if isinstance(value, dict):
        return type(value)((key, to_plain(item)) for key, item in value.items())
    if type(value) in (list, tuple):
        return type(value)(to_plain(item) for item in value)
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, np.ndarray):
        return value.tolist()
    return value


def from_plain(value: Any) -> Any:
    """Give the log histories back."""
    if isinstance(value, dict):
        if HISTORY in value:
            log, count, max_length = value[HISTORY]
            return HistoryBuffer(log.cpu().numpy(), count.cpu().numpy(), max_length)
        return type(value)((key, from_plain(item)) for key, item in value.items())
    return value


# ------------------------------------------------------------------ loading


def safe_load(path: str, map_location: Any = 'cpu') -> dict:
    """Load weights and plain data; refuse anything whose loading could run code.

    Besides tensors and plain Python, a short list of types is let through: those that
    checkpoints of mmengine hold (log histories, NumPy numbers and arrays of them), each by a
    stand-in that does not believe the file. Checksums are compared first, which torch leaves out.
    """
    path = osp.expanduser(str(path))
    if not osp.isfile(path):
        raise FileNotFoundError(f'The checkpoint {path} does not exist.')
    try:
        _check_sums(path)
        with _allowed_types():
            content = torch.load(path, map_location=map_location, weights_only=True)
        return stand_ins.finish(content)
    except pickle.UnpicklingError as error:
        found = re.search(r'GLOBAL ([\w.]+)', str(error))
        what = f'the type {found.group(1)}' if found else 'more than weights and plain data'
        raise UserError(
            f'{path} was refused: it holds {what}, and loading that could run code from the '
            'file. If you trust its author, convert it once: load it with torch.load(path, '
            "weights_only=False) and save its 'state_dict' alone."
        ) from error
    except Exception as error:  # what damaged bytes lead to is anyone's guess
        first = str(error).split('\n')[0]
        raise UserError(
            f'{path} is damaged or no checkpoint ({type(error).__name__}: {first}): replace it by '
            'a whole copy, or remove it.'
        ) from error


def _check_sums(path: str) -> None:
    """Read a file of torch's zip format against its checksums, once for each state of the file."""
    state = os.stat(path)
    _check_state(path, state.st_ino, state.st_size, state.st_mtime_ns)


@lru_cache
def _check_state(path: str, *_state: int) -> None:
    with open(path, 'rb') as file:
        start = file.read(len(ZIP_START))
        file.seek(-min(ZIP_END_BYTES, os.fstat(file.fileno()).st_size), os.SEEK_END)
        end = file.read(len(ZIP_END))
    if start != ZIP_START and end != ZIP_END:  # a pickle of old; a flipped bit hides one of them
        return
    with zipfile.ZipFile(path) as file:
        folders = [one for one in file.infolist() if one.external_attr & FOLDER]
        if folders:  # torch, unlike Python, would read nothing there
            raise zipfile.BadZipFile(f'its part {folders[0].filename} calls itself a folder')
        if any(member.CRC for member in file.infolist()):  # torch can be told to write none
            bad = file.testzip()
            if bad is not None:
                raise zipfile.BadZipFile(f'its part {bad} has another checksum than when written')


@contextlib.contextmanager
def _allowed_types() -> Iterator[None]:
    """Let the stand-ins pass, also where someone has allowed the real ones."""
    if not hasattr(torch.serialization, 'safe_globals'):  # torch < 2.5: plain weights only
        yield
        return
    serialization = torch.serialization
    before = serialization.get_safe_globals()
    others = [allowed for allowed in before if _full_name(allowed) not in STAND_INS]
    serialization.clear_safe_globals()
    try:
        serialization.add_safe_globals(others + [(it, name) for name, it in STAND_INS.items()])
        yield
    finally:
        serialization.clear_safe_globals()
        serialization.add_safe_globals(before)


def _full_name(allowed: Any) -> str:
    return allowed[1] if isinstance(allowed, tuple) else f'{allowed.__module__}.{allowed.__name__}'


def checkpoints(folder: str) -> dict[int, str]:
    """Return the files iter_N.pth (or epoch_N.pth) of a folder by number, oldest first."""
    if not osp.isdir(folder):
        return {}
    found = {int(m.group(1)): name for name in os.listdir(folder) if (m := CHECKPOINT.match(name))}
    return {step: osp.join(folder, found[step]) for step in sorted(found)}


def register_safe_loaders() -> None:
    """Let every checkpoint that mmengine loads, by path, URL or model name, pass `safe_load`."""
    for prefixes, loader in (
        ('', safe_load),
        (('http://', 'https://'), _load_url),
        (('modelzoo://', 'torchvision://'), _by_name(_torchvision_url)),
        (('open-mmlab://', 'openmmlab://'), _by_name(_openmmlab_url)),
        ('mmcls://', _by_name(_mmcls_url)),
        ('package://', _by_name(packaged_file)),
        ('pavi://', _refuse),
        (r'(\S+\:)?s3://', _load_from_backend),
    ):
        CheckpointLoader.register_scheme(prefixes, loader, force=True)


def _load_url(url: str, map_location: Any = 'cpu') -> dict:
    """Download into torch's cache (one process a machine), then load safely."""
    folder = osp.join(torch.hub.get_dir(), 'checkpoints')
    name = osp.basename(url.split('?')[0]) or 'checkpoint.pth'
    digest = re.search(r'-([a-f0-9]{8,})\.', name)
    path = osp.join(folder, name)
    if digest is None:
        path = _place_of(url, path)
    if not osp.isfile(path):
        make_folder(folder)
        # it writes to a temporary file and renames, so processes cannot see half a file
        with _told(url, path):
            torch.hub.download_url_to_file(
                url, path, digest.group(1) if digest else None, progress=is_main_process()
            )
        atomic_write_text(f'{path}.url', url)
    return safe_load(path, map_location)


def weights_file(name: str) -> tuple[str, str]:
    """Return the URL of published weights, and where they are kept once they are downloaded.

    Those that come with a package are there already.
    """
    scheme, _, rest = name.partition('://')
    if scheme == 'package':
        return name, packaged_file(rest)
    if scheme in ('open-mmlab', 'openmmlab'):
        name = _openmmlab_url(rest)
    elif scheme in ('modelzoo', 'torchvision'):
        name = _torchvision_url(rest)
    return name, osp.join(torch.hub.get_dir(), 'checkpoints', osp.basename(name.split('?')[0]))


@contextlib.contextmanager
def _told(url: str, path: str) -> Iterator[None]:
    """Say which file could not be downloaded, where to put it, and how to do without it."""
    try:
        yield
    except (URLError, HTTPException, ConnectionError, TimeoutError, RuntimeError) as error:
        if isinstance(error, RuntimeError) and 'hash' not in str(error):
            raise
        raise UserError(
            f'The weights {url} could not be downloaded ({error}). Fetch the file elsewhere and '
            f'put it there: {path}. To train without them: init_cfg=None of the part that asks for '
            'them (--cfg-options model.segmentor.backbone.init_cfg=None).'
        ) from error


def _place_of(url: str, path: str) -> str:
    """Return where a URL's file is kept: under its own name, unless that is another URL's.

    A name with a digest is the same file everywhere; ``model.pth`` is not. Beside a file that was
    put there by hand, or by torch.hub, there is no note of its URL: it is taken, and that is said.
    """
    note = f'{path}.url'
    if osp.isfile(note):
        with open(note, encoding='utf-8') as file:
            if file.read() == url:
                return path
        stem, suffix = osp.splitext(path)
        return f'{stem}.{hashlib.sha256(url.encode()).hexdigest()[:16]}{suffix}'
    if osp.isfile(path):
        print_log(
            f'{path} is taken for {url}: it was there already, and nothing says where it came '
            'from. If it is another file, remove it.',
            'current',
            level=30,
        )
    return path


def _load_from_backend(path: str, map_location: Any = 'cpu') -> dict:
    from mmengine import fileio

    with fileio.get_local_path(path) as local:
        return safe_load(str(local), map_location)


def _refuse(path: str, map_location: Any = 'cpu') -> dict:
    raise UserError(f'{path}: this storage is not supported; download the file and name its path.')


def _by_name(resolve: Callable[[str], str]) -> Callable:
    def load_by_name(name: str, map_location: Any = 'cpu') -> dict:
        target = resolve(name.split('://', 1)[1])
        loader = _load_url if '://' in target else safe_load
        return loader(target, map_location)

    return load_by_name


def _torchvision_url(name: str) -> str:
    return mmengine_checkpoint.get_torchvision_models()[name]


def _openmmlab_url(name: str) -> str:
    urls = mmengine_checkpoint.get_external_models()
    name = mmengine_checkpoint.get_deprecated_model_names().get(name, name)
    if name not in urls:
        raise UserError(f'open-mmlab://{name}: no model of that name is known to mmengine.')
    url = urls[name]
    return url if '://' in url else osp.join(mmengine_checkpoint._get_mmengine_home(), url)


def _mmcls_url(name: str) -> str:
    return mmengine_checkpoint.get_mmcls_models()[name]
