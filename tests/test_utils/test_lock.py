import errno
import os
import time

import pytest

from semiseg_mm.errors import UserError
from semiseg_mm.utils.lock import is_running, locked, locked_run


@pytest.mark.parametrize('inherited', [True, False])
def test_a_lock_is_inherited_only_if_asked_for(tmp_path, inherited):
    """A process takes it, starts another one, and is killed: loader workers live on for seconds."""
    pid = os.fork()
    if pid == 0:
        lock = locked(tmp_path, inherited)
        lock.__enter__()
        if os.fork() == 0:
            time.sleep(2)
        os._exit(0)
    os.waitpid(pid, 0)
    if inherited:
        with pytest.raises(UserError, match='in use by another call'), locked(tmp_path):
            pass
    else:
        with locked(tmp_path, inherited=False):
            pass


def test_a_file_system_without_locks_is_said_and_used_all_the_same(tmp_path, monkeypatch):
    def lockf(*_):
        raise OSError(errno.ENOLCK, 'No locks available')

    monkeypatch.setattr('fcntl.lockf', lockf)
    monkeypatch.setattr('semiseg_mm.utils.lock.print_log', lambda text, *_, **__: said.append(text))
    said = []
    with locked_run(tmp_path), locked_run(tmp_path):
        pass
    assert len(said) == 2 and 'cannot be locked (No locks available)' in said[0]


def test_a_place_that_cannot_be_written_is_a_sentence(tmp_path, monkeypatch):
    def refuse(*_, **__):
        raise OSError(errno.EROFS, 'Read-only file system', str(tmp_path))

    (tmp_path / 'file').touch()
    with (
        pytest.raises(UserError, match=r'file could not be made .* choose another place'),
        locked(tmp_path / 'file'),
    ):
        pass
    monkeypatch.setattr('builtins.open', refuse)
    with pytest.raises(UserError, match=r'cannot be written \(.*Read-only'), locked(tmp_path):
        pass


def test_a_run_is_seen_by_others_and_not_disturbed(tmp_path):
    assert not is_running(tmp_path)  # nobody has been there
    ready, done = os.pipe(), os.pipe()
    if os.fork() == 0:
        with locked_run(tmp_path):
            os.write(ready[1], b'x')
            os.read(done[0], 1)
        os._exit(0)
    os.read(ready[0], 1)
    assert is_running(tmp_path) and is_running(tmp_path)
    os.write(done[1], b'x')
    os.wait()
    assert not is_running(tmp_path)
