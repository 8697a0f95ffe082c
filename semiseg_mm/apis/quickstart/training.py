import argparse
import json
import os
import subprocess
import sys
from pathlib import Path

from mmengine.config import Config, DictAction

from semiseg_mm.apis.cli import load_config
from semiseg_mm.errors import UserError

from .methods import ROOT, Method, find_config

# What makes a run another run. Hooks may differ: they only watch.
SETTINGS = ('model', 'train_dataloader', 'optim_wrapper', 'param_scheduler', 'train_cfg',
            'randomness', 'custom_hooks', 'val_dataloader')  # fmt: skip
STARTUP = 6.0  # seconds until the first iteration, roughly


class Training:
    """One method's run: tools/train.py as a process of its own, watched through its files."""

    def __init__(self, method: Method, work_dir: Path, options: list[str]) -> None:
        self.method = method
        self.folder = work_dir / method.key
        self.log = self.folder / 'train.log'
        self.config = find_config(method.config)
        self.options = [*options, *method.options]
        self.cfg = self._load_config()
        self.max_iters: int = self.cfg.train_cfg.max_iters
        self.val_interval: int = self.cfg.train_cfg.val_interval
        self._check_settings()
        self.phase = 'reused' if self.result() else 'waiting'
        self.iter = self.max_iters if self.phase == 'reused' else 0
        self.seconds_per_iter: float | None = None
        self._process: subprocess.Popen | None = None

    @property
    def command(self) -> list[str]:
        watch = [
            f'default_hooks.logger.interval={max(1, self.max_iters // 100)}',
            f'default_hooks.checkpoint.interval={max(1, self.max_iters // 10)}',
        ]
        return [
            *(sys.executable, '-u', str(ROOT / 'tools/train.py'), str(self.config)),
            *('--work-dir', str(self.folder), '--resume'),
            *('--cfg-options', *watch, *self.options),
        ]

    def _load_config(self) -> Config:
        """As tools/train.py will."""
        parser = argparse.ArgumentParser()
        parser.add_argument('--cfg-options', nargs='*', action=DictAction)
        options = parser.parse_args(['--cfg-options', *self.options]).cfg_options
        return load_config(str(self.config), options)

    @property
    def dumped_config(self) -> Path:
        return self.folder / self.config.name

    def _check_settings(self) -> None:
        """A folder is gone on with only under the settings that it was begun with."""
        if not any(self.folder.glob('iter_*.pth')) or not self.dumped_config.is_file():
            return
        before = Config.fromfile(str(self.dumped_config))
        changed = [key for key in SETTINGS if before.get(key) != self.cfg.get(key)]
        if changed:
            raise UserError(
                f'{self.folder} holds a training with other settings ({", ".join(changed)}): '
                'choose another --work-dir, or remove that folder.'
            )

    # ------------------------------------------------------------------ the process

    def start(self, threads: int, lock: int | None = None) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        self._earlier = set(self.folder.glob('*/vis_data'))
        path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get('PYTHONPATH')]))
        with open(self.log, 'ab') as log:
            self._log_begin = log.tell()
            self._process = subprocess.Popen(
                self.command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env={**os.environ, 'OMP_NUM_THREADS': str(threads), 'PYTHONPATH': path},
                pass_fds=() if lock is None else (lock,),
            )
        self.phase = 'starting'

    def poll(self) -> bool:
        """Look at the process and its files. Returns whether it still runs."""
        code = self._process.poll()
        self._read_progress()
        if code is not None:
            self.phase = 'done' if code == 0 and self.result() else 'failed'
        return code is None

    def stop(self) -> None:
        """End the process. Checkpoints are written whole, so this is safe at any time."""
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(10)
            except subprocess.TimeoutExpired:
                self._process.kill()
            self.phase = 'stopped'

    # ------------------------------------------------------------------ its files

    def _read_progress(self) -> None:
        """From scalars.json: one JSON object a line, appended as a whole line."""
        files = [f / 'scalars.json' for f in set(self.folder.glob('*/vis_data')) - self._earlier]
        files = [file for file in files if file.is_file()]
        rows = _rows(max(files)) if files else []
        trained = [row for row in rows if 'iter' in row]
        if not trained:
            return
        self.iter = trained[-1]['iter']
        last = [row['time'] for row in trained[-5:]]
        self.seconds_per_iter = sum(last) / len(last)
        due = self.iter % self.val_interval == 0 or self.iter >= self.max_iters
        self.phase = 'validating' if due and 'iter' in rows[-1] else 'training'

    def seconds_left(self) -> float | None:
        if self.seconds_per_iter is None:
            return None
        return (self.max_iters - self.iter) * self.seconds_per_iter

    def result(self) -> dict | None:
        """results.json of a finished training: the last value of the network, never the best."""
        file = self.folder / 'results.json'
        record = json.loads(file.read_text()) if file.is_file() else {}
        whole = self.checkpoint.is_file() and self.dumped_config.is_file()
        if record.get('iter') != self.max_iters or not whole:
            return None
        score = record['networks'][self.method.network]['mIoU']
        return dict(mIoU=score['last'], seconds=record['seconds'], seed=record['seed'])

    @property
    def checkpoint(self) -> Path:
        return self.folder / f'iter_{self.max_iters}.pth'

    def log_tail(self, most: int = 12) -> str:
        """The end of what this call wrote into the log, from the error on if there is one."""
        with open(self.log, 'rb') as log:
            log.seek(self._log_begin)
            lines = log.read().decode(errors='replace').rstrip().splitlines()
        marks = [k for k, line in enumerate(lines) if line.startswith(('error:', 'Traceback'))]
        return '\n'.join(lines[marks[-1] if marks else 0 :][-most:])


def _rows(file: Path) -> list[dict]:
    rows = []
    for line in file.read_text().splitlines():
        try:
            rows.append(json.loads(line))
        except ValueError:  # a line that is just being written
            break
    return rows
