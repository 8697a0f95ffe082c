"""Python processes without the seconds of their imports: each is forked from one that is warm.

This module imports nothing of the project: a process in which mmseg alone is installed loads it.
"""

import importlib
import multiprocessing
import os
import runpy
import signal
import socket
import sys
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from subprocess import TimeoutExpired
from typing import NamedTuple

LATE = ('matplotlib.pyplot', 'mmseg.evaluation', 'torch._dynamo', 'torch.utils.cpp_extension')


class Done(NamedTuple):
    returncode: int
    stdout: str
    stderr: str


def forked(argv: Sequence, cwd='.', env: dict | None = None, timeout=120, plain=False) -> Done:
    """Run ``python *argv``: a script, a module after -m, or code after -c, until its end.

    With ``plain`` it comes from a process that has imported mmseg, and never this project.
    """
    with tempfile.TemporaryDirectory() as folder:
        out, err = (Path(folder) / name for name in ('stdout', 'stderr'))
        process = start(argv, cwd, env, out, err, plain)
        process.join(timeout)
        if process.is_alive():
            process.kill()
            process.join()
        return Done(process.exitcode, out.read_text(), err.read_text())


def forked_ranks(argv: Sequence, env: dict | None = None, count: int = 2) -> list[Done]:
    """Run it as so many processes of one group on this machine, without a launcher."""
    with socket.socket() as found:
        found.bind(('127.0.0.1', 0))
        port = str(found.getsockname()[1])
    shared = dict(os.environ if env is None else env)
    shared.update(WORLD_SIZE=str(count), MASTER_ADDR='127.0.0.1', MASTER_PORT=port)
    with ThreadPoolExecutor(count) as pool:
        ranks = [dict(shared, RANK=str(k), LOCAL_RANK=str(k)) for k in range(count)]
        return [run.result() for run in [pool.submit(forked, argv, env=rank) for rank in ranks]]


class ForkedPopen:
    """Stands for subprocess.Popen where a log file takes both outputs."""

    def __init__(self, command, *, stdout, env, pass_fds=(), **_):
        assert command[0] == sys.executable
        self._process = start(command[1:], '.', env, stdout.name, stdout.name)

    def poll(self) -> int | None:
        return self._process.exitcode

    def wait(self, timeout=None) -> None:
        self._process.join(timeout)
        if self._process.is_alive():
            raise TimeoutExpired('', timeout)

    def terminate(self) -> None:
        self._process.terminate()

    def kill(self) -> None:
        self._process.kill()


def start(argv, cwd, env, out, err, plain=False):
    context = multiprocessing.get_context('forkserver' if plain else 'fork')
    if plain:
        context.set_forkserver_preload(['mmseg.apis'])
    else:  # what a training imports on its way, else each would
        for name in LATE:
            importlib.import_module(name)
    env = dict(os.environ if env is None else env)
    arguments = ([str(word) for word in argv], str(cwd), env, str(out), str(err))
    process = context.Process(target=_be_python, args=arguments)
    process.start()
    return process


def _be_python(argv: list[str], cwd: str, env: dict, out: str, err: str) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.environ.clear()
    os.environ.update(env)
    os.chdir(cwd)
    for number, path in ((1, out), (2, err)):
        os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND), number)
    sys.stdout, sys.stderr = (os.fdopen(number, 'w', 1, closefd=False) for number in (1, 2))
    _forget_runs()
    argv = [word for k, word in enumerate(argv) if word != '-u' or k]
    paths = [path for path in env.get('PYTHONPATH', '').split(os.pathsep) if path]
    if argv[0] == '-c':
        sys.argv, sys.path[:0] = ['-c', *argv[2:]], ['', *paths]
        exec(compile(argv[1], '<string>', 'exec'), dict(__name__='__main__'))
    elif argv[0] == '-m':
        sys.argv, sys.path[:0] = argv[1:], ['', *paths]
        runpy.run_module(argv[1], run_name='__main__', alter_sys=True)
    else:
        sys.argv, sys.path[:0] = argv, [os.path.dirname(os.path.abspath(argv[0])), *paths]
        runpy.run_path(argv[0], run_name='__main__')


def _forget_runs() -> None:
    """mmengine keeps loggers, message hubs and the default scope of earlier runs."""
    from mmengine.utils import ManagerMixin

    kinds = ManagerMixin.__subclasses__()
    for kind in kinds:
        kind._instance_dict.clear()
        kinds.extend(kind.__subclasses__())
