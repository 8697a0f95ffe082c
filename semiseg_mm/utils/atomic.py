"""Files that are whole or not there."""

import contextlib
import os
import os.path as osp
from collections.abc import Iterator
from typing import Any

from semiseg_mm.errors import UserError

# file names need not be UTF-8; only \n ends a line, on every system
PLAIN: dict[str, Any] = dict(encoding='utf-8', errors='surrogateescape', newline='\n')


@contextlib.contextmanager
def atomic_path(path: str, durable: bool = True) -> Iterator[str]:
    """Yield a temporary name beside ``path``; on success it takes the place of ``path``.

    A process that is killed meanwhile leaves the old file as it was. Files that are checked when
    they are read need not be ``durable``: they do not wait for the disk.
    """
    part = osp.join(osp.dirname(path), f'.{osp.basename(path)}.part')
    try:
        open(part, 'wb').close()  # torch and OpenCV do not say that a place cannot be written
        yield part
        if durable:
            with open(part, 'rb+') as file:
                os.fsync(file.fileno())
        os.replace(part, path)
        if durable:
            _sync_folder(osp.dirname(path))
    except OSError as error:
        raise UserError(
            f'{path} could not be written ({error}); what was saved before is untouched. Free '
            'some space or correct the permissions, then run the same command again (a training: '
            'with --resume).'
        ) from error
    finally:
        with contextlib.suppress(OSError):
            os.remove(part)


def atomic_write_text(path: str, text: str) -> None:
    with atomic_path(path) as part, open(part, 'w', **PLAIN) as file:
        file.write(text)


def read_lines(path: str) -> list[str]:
    """Return the whole lines of a list of this package: an id may hold blanks, or begin with #."""
    try:
        with open(path, **PLAIN) as file:
            return [line for line in file.read().split('\n') if line]
    except FileNotFoundError:
        raise UserError(f'The list {path} does not exist.') from None


def make_folder(path: str) -> None:
    try:
        os.makedirs(path, exist_ok=True)
    except OSError as error:
        raise UserError(
            f'The folder {path} could not be made ({error}): correct the permissions, or choose '
            'another place.'
        ) from error


def _sync_folder(folder: str) -> None:
    """Make the renaming itself durable (folders cannot be opened on Windows)."""
    if os.name == 'posix':
        descriptor = os.open(folder or '.', os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
