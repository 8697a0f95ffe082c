import contextlib
import errno
import os
import struct
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from mmengine.dist import broadcast_object_list, is_main_process
from mmengine.logging import print_log

from semiseg_mm.errors import UserError

from .atomic import make_folder

# What fcntl.F_GETLK takes; elsewhere its fields stand in another order
FLOCK = 'hhqqi' if sys.platform == 'linux' else ''
UNKNOWN = (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP)  # of a file system without locks


@contextlib.contextmanager
def locked(folder: Path, inherited: bool = True) -> Iterator[int]:
    """Let one call at a time have a folder; yield the lock's file.

    Args:
        inherited: Whether processes that this one starts hold the lock as well, should they
            outlive it. Workers of a dataloader do, for some seconds, and must not.
    """
    with _opened(folder) as file:
        with contextlib.suppress(ImportError):  # Windows: unguarded
            import fcntl

            lock = fcntl.flock if inherited else fcntl.lockf
            try:
                lock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except (BlockingIOError, PermissionError):
                raise UserError(
                    f'{folder} is in use by another call, or by a training that one left '
                    'behind: wait for it, end it, or choose another --work-dir.'
                ) from None
            except OSError as error:
                if error.errno not in UNKNOWN:
                    raise
                print_log(
                    f'{folder} cannot be locked ({error.strerror}): see to it that no other call '
                    'has this --work-dir.',
                    'current',
                    level=30,
                )
        yield file.fileno()


def _opened(folder: Path) -> IO:
    make_folder(str(folder))
    try:
        return open(folder / '.lock', 'w')
    except OSError as error:
        raise UserError(
            f'{folder} cannot be written ({error}): correct the permissions, or choose another '
            '--work-dir.'
        ) from error


@contextlib.contextmanager
def locked_run(work_dir: str | os.PathLike) -> Iterator[None]:
    """Lock a work dir for a run, in its first process; all hear of it if that fails."""
    with contextlib.ExitStack() as stack:
        refused: list[str | None] = [None]
        if is_main_process():
            try:
                stack.enter_context(locked(Path(work_dir), inherited=False))
            except UserError as error:
                refused[0] = str(error)
        broadcast_object_list(refused)
        if refused[0]:
            raise UserError(refused[0])
        yield


def is_running(work_dir: str | os.PathLike) -> bool:
    """Return whether a run has the lock of a work dir, without touching it; False if unknown."""
    with contextlib.suppress(ImportError, OSError, struct.error):
        import fcntl

        with open(Path(work_dir) / '.lock', 'rb') as file:
            asked = struct.pack(FLOCK, fcntl.F_WRLCK, 0, 0, 0, 0)
            found = struct.unpack(FLOCK, fcntl.fcntl(file, fcntl.F_GETLK, asked))
            return found[0] != fcntl.F_UNLCK
    return False
