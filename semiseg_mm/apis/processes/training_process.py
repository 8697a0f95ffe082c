import os
import sys
import time
from abc import abstractmethod
from pathlib import Path
from signal import SIGTERM
from subprocess import DEVNULL, STDOUT, Popen, TimeoutExpired

from semiseg_mm.utils import read_lines
from semiseg_mm.utils.places import PACKAGE, short_path

GRACE = 60.0  # seconds in which a training that was asked to end may save
STARTUP = 6.0  # seconds until the first iteration, roughly
STOPPED = (128 + SIGTERM, -SIGTERM)  # statuses of a process that was asked to end
# what a training goes on from; those of a stage lie one folder deeper
KEPT = ('results.json', 'iter_*.pth', '*/iter_*.pth', '*/chunks/*.json', '*/manifest.json')


class TrainingProcess:
    """One ``semiseg_mm train`` as a process of its own, watched through its files.

    Args:
        method: What it is called (``key``, ``title``), and its ``cost``.
        options: For ``--cfg-options``.
        max_iters: Iterations from start to end, for the display.
        val_interval: So many iterations lie between validations.
    """

    device: str | None = None  # the one GPU that the process may see; set before its start

    def __init__(
        self,
        method,
        folder: Path,
        config: Path,
        options: list[str],
        max_iters: int,
        val_interval: int,
    ) -> None:
        self.method, self.folder, self.config = method, folder, config
        self.options, self.max_iters, self.val_interval = options, max_iters, val_interval
        self.log = folder / 'train.log'
        self.phase = 'reused' if self.result() else 'waiting'
        self.iter = max_iters if self.phase == 'reused' else 0
        self.seconds_per_iter: float | None = None
        self.startup: float | None = None  # seconds from the start to the first iteration
        self._process: Popen | None = None

    @abstractmethod
    def result(self) -> dict | None:
        """What a finished training came to; None if it is not finished."""

    def conclude(self) -> dict | None:
        """The result, once the process has ended well."""
        return self.result()

    @property
    def command(self) -> list[str]:
        return [
            *(sys.executable, '-u', '-m', 'semiseg_mm', 'train', str(self.config)),
            *('--work-dir', str(self.folder), '--resume'),
            *('--cfg-options', *self.options),
        ]

    # ------------------------------------------------------------------ the process

    def start(self, threads: int, lock: int | None = None) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        self._earlier = set(self.folder.glob('*/vis_data'))
        own = own_environment(threads)
        if self.device is not None:
            own['CUDA_VISIBLE_DEVICES'] = self.device
        with open(self.log, 'ab') as log:
            self._log_begin = log.tell()
            self._process = Popen(
                self.command,
                stdin=DEVNULL,
                stdout=log,
                stderr=STDOUT,
                env={**os.environ, **own},
                pass_fds=() if lock is None else (lock,),
            )
        self.phase, self._started = 'starting', time.monotonic()

    def poll(self) -> bool:
        """Look at the process and its files. Returns whether it still runs."""
        code = self._process.poll()
        self._read_progress()
        if code is not None:
            self.phase = 'done' if code == 0 and self.conclude() else 'failed'
        return code is None

    def ask_to_stop(self) -> None:
        """Let the process end with its iteration, which it saves."""
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()
            self.phase = 'stopped'

    def stop(self) -> None:
        """Wait for the end of a process that was asked to. Checkpoints are written whole, so
        ending it is safe at any time."""
        if self._process is None:
            return
        try:
            self._process.wait(GRACE)
        except TimeoutExpired:
            self._process.kill()
            return
        code = self._process.poll()
        if code not in STOPPED:
            self.phase = 'done' if code == 0 and self.conclude() else 'failed'

    # ------------------------------------------------------------------ its files

    def _read_progress(self) -> None:
        found = progress_in(self.folder, self._earlier)
        if found is None:
            return
        self.iter, self.seconds_per_iter, validated = found
        due = self.iter % self.val_interval == 0 or self.iter >= self.max_iters
        self.phase = 'validating' if due and not validated else 'training'
        if self.startup is None:
            self.startup = time.monotonic() - self._started

    def kept(self) -> set[Path]:
        """Return the files that the same command goes on from."""
        return {file for name in KEPT for file in self.folder.glob(name)}

    def seconds_left(self) -> float | None:
        if self.seconds_per_iter is None:
            return None
        return (self.max_iters - self.iter) * self.seconds_per_iter

    def log_tail(self, most: int = 12) -> str:
        """The end of what this call wrote into the log, from the error on if there is one."""
        with open(self.log, 'rb') as log:
            log.seek(self._log_begin)
            lines = log.read().decode(errors='replace').rstrip().splitlines()
        marks = [k for k, line in enumerate(lines) if line.startswith(('error:', 'Traceback'))]
        return '\n'.join(lines[marks[-1] if marks else 0 :][-most:])


def own_environment(threads: int) -> dict[str, str]:
    """Return what a training's process finds in its environment beside the caller's."""
    path = os.pathsep.join(filter(None, [str(PACKAGE.parent), os.environ.get('PYTHONPATH')]))
    return dict(OMP_NUM_THREADS=str(threads), PYTHONPATH=path)


def progress_in(folder: Path, earlier: set[Path] = frozenset()) -> tuple[int, float, bool] | None:
    """Iterations, seconds of one, whether a validation came last; of the newest log.

    From scalars.json: one JSON object a line, appended as a whole line.
    """
    files = [f / 'scalars.json' for f in set(folder.glob('*/vis_data')) - set(earlier)]
    files = [file for file in files if file.is_file()]
    rows = read_lines(max(files))[0] if files else []
    trained = [row for row in rows if 'iter' in row]
    if not trained:
        return None
    last = [row['time'] for row in trained[-5:]]
    return trained[-1]['iter'], sum(last) / len(last), 'iter' not in rows[-1]


def tell_failures(failed: list[TrainingProcess]) -> None:
    """Print the end of the log of each training that failed."""
    for t in failed:
        where = short_path(t.log)
        print(f'\n{t.method.title} failed. The end of its log, {where}:\n\n{t.log_tail()}')
