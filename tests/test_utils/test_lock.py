import os
import time

import pytest

from semiseg_mm.errors import UserError
from semiseg_mm.utils.lock import locked


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
