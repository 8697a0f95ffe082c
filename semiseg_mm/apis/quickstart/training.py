import json
import os
import sys
from abc import abstractmethod
from pathlib import Path
from subprocess import DEVNULL, STDOUT, Popen, TimeoutExpired

from mmengine.config import Config

from semiseg_mm.apis.cli import load_config
from semiseg_mm.apis.option_words import parse_options
from semiseg_mm.engine.hooks.result_hook import is_finished
from semiseg_mm.engine.keys import GOING_ON, decisive, differences, plain
from semiseg_mm.engine.train_plan import plan_of
from semiseg_mm.errors import UserError
from semiseg_mm.utils.places import ROOT

from .methods import Method, find_config

GRACE = 60.0  # seconds in which a training that was asked to end may save
STARTUP = 6.0  # seconds until the first iteration, roughly


class TrainingProcess:
    """One run of tools/train.py as a process of its own, watched through its files.

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
            *(sys.executable, '-u', str(ROOT / 'tools/train.py'), str(self.config)),
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
        self.phase = 'starting'

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

    # ------------------------------------------------------------------ its files

    def _read_progress(self) -> None:
        found = progress_in(self.folder, self._earlier)
        if found is None:
            return
        self.iter, self.seconds_per_iter, validated = found
        due = self.iter % self.val_interval == 0 or self.iter >= self.max_iters
        self.phase = 'validating' if due and not validated else 'training'

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


class Training(TrainingProcess):
    """One method of the quickstart, in its config for the embedded dataset."""

    def __init__(self, method: Method, work_dir: Path, options: list[str]) -> None:
        config = find_config(method.config)
        options = [*options, *method.options]
        self.cfg = load_config(str(config), parse_options(options))
        iters, val_interval, *_ = plan_of(self.cfg)
        watch = [
            f'default_hooks.logger.interval={max(1, iters // 100)}',
            f'default_hooks.checkpoint.interval={max(1, iters // 10)}',
        ]
        folder = work_dir / method.key
        self.dumped_config = folder / config.name
        super().__init__(method, folder, config, [*watch, *options], iters, val_interval)
        self._check_settings()

    def _check_settings(self) -> None:
        """A folder is gone on with only under the settings that it was begun with."""
        if not any(self.folder.glob('iter_*.pth')) or not self.dumped_config.is_file():
            return
        before = Config.fromfile(str(self.dumped_config))
        names = (*GOING_ON, 'val_dataloader')
        keys = (plain(decisive(cfg.to_dict(), names)) for cfg in (before, self.cfg))
        changed = list(differences(*keys))
        if changed:
            more = '; …' if len(changed) > 4 else ''
            raise UserError(
                f'{self.folder} holds a training with other settings ({"; ".join(changed[:4])}'
                f'{more}): '
                'choose another --work-dir, or remove that folder.'
            )

    def result(self) -> dict | None:
        """results.json of a finished training: the last value of the network, never the best."""
        record, dumped = self._record(), self.dumped_config.is_file()
        of_this = record.get('max_iters') == self.max_iters and is_finished(record)
        if not (of_this and dumped and self.checkpoint.is_file()):
            return None
        score = record['networks'][self.method.network]['mIoU']
        return dict(mIoU=score['last'], seconds=record['seconds'], seed=record['seed'])

    def _record(self) -> dict:
        file = self.folder / 'results.json'
        return json.loads(file.read_text()) if file.is_file() else {}

    @property
    def checkpoint(self) -> Path:
        """Return the file of the last iteration; a hook may have ended the training early."""
        return self.folder / f'iter_{self._record().get("iter")}.pth'


def own_environment(threads: int) -> dict[str, str]:
    """Return what a training's process finds in its environment beside the caller's."""
    path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get('PYTHONPATH')]))
    return dict(OMP_NUM_THREADS=str(threads), PYTHONPATH=path)


def progress_in(folder: Path, earlier: set[Path] = frozenset()) -> tuple[int, float, bool] | None:
    """Iterations, seconds of one, whether a validation came last; of the newest log.

    From scalars.json: one JSON object a line, appended as a whole line.
    """
    files = [f / 'scalars.json' for f in set(folder.glob('*/vis_data')) - set(earlier)]
    files = [file for file in files if file.is_file()]
    rows = whole_rows(max(files)) if files else []
    trained = [row for row in rows if 'iter' in row]
    if not trained:
        return None
    last = [row['time'] for row in trained[-5:]]
    return trained[-1]['iter'], sum(last) / len(last), 'iter' not in rows[-1]


def whole_rows(file: Path) -> list[dict]:
    """Return the JSON objects of a file's lines, up to one that is only half written."""
    rows = []
    for line in file.read_text().splitlines():
        try:
            rows.append(json.loads(line))
        except ValueError:  # a line that is just being written
            break
    return rows
