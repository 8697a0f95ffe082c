import contextlib
from collections.abc import Iterator
from pathlib import Path

from semiseg_mm.errors import UserError


@contextlib.contextmanager
def locked(folder: Path, inherited: bool = True) -> Iterator[int]:
    """One call a folder; gives the lock's file.

    Args:
        inherited: Whether processes that this one starts hold the lock as well, should they
            outlive it. Workers of a dataloader do, for some seconds, and must not.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with open(folder / '.lock', 'w') as file:
        with contextlib.suppress(ImportError):  # Windows: unguarded
            import fcntl

            lock = fcntl.flock if inherited else fcntl.lockf
            try:
                lock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                if not isinstance(error, (BlockingIOError, PermissionError)):
                    raise
                raise UserError(
                    f'{folder} is in use by another call, or by a training that one left '
                    'behind: wait for it, end it, or choose another --work-dir.'
                ) from None
        yield file.fileno()
