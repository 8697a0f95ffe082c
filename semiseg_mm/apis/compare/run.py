import contextlib
import json
import statistics
from pathlib import Path
from typing import NamedTuple

from mmengine.config import Config

from semiseg_mm.apis.processes import TrainingProcess, progress_in
from semiseg_mm.engine.checkpoint import checkpoints
from semiseg_mm.engine.facts import (
    evaluation_facts,
    network_facts,
    some_files,
    training_facts,
)
from semiseg_mm.engine.hooks.result_hook import NOTES, is_finished
from semiseg_mm.engine.stages.rounds import expand_rounds
from semiseg_mm.engine.versions import package_versions
from semiseg_mm.errors import UserError
from semiseg_mm.records import FORM
from semiseg_mm.utils import atomic_write_text, read_lines, read_record

from .settings import changes, settings_hash, settings_of

RECORD = 'record.json'


class Label(NamedTuple):
    key: str
    title: str
    cost: float = 1  # unknown before it is measured: runs start in the order of the seeds


class Run(TrainingProcess):
    """Train one method with one seed. ``record.json`` says what it is, and later its result.

    Args:
        about: What the record says besides, the same for all runs of a method.
        label: What it is called on the screen; default: its name and seed.
    """

    def __init__(
        self,
        name: str,
        seed: int,
        cfg: Config,
        file: Path,
        work_dir: Path,
        about: dict,
        label: Label | None = None,
    ) -> None:
        self.name, self.seed, self.cfg = name, seed, cfg
        self.record_file = work_dir / name / f'seed_{seed}' / RECORD
        images, about = about['images'], {k: v for k, v in about.items() if k != 'images'}
        self.settings = settings_of(cfg, seed, images)
        self.hash = settings_hash(self.settings)
        stages = expand_rounds(cfg.get('stages', []), cfg.get('rounds', 1))
        self.iters = int(cfg.train_cfg.max_iters)
        self.stages = {
            f'{number:02d}_{stage["name"]}': _stage_iters(stage, self.iters)
            for number, stage in enumerate(stages, 1)
            if stage['type'] == 'TrainStage'
        }
        total = sum(self.stages.values()) or self.iters
        self.about = dict(about, config=file.name, iterations=self.iters, total_iterations=total)
        self._check_record()
        label = label or Label(f'{name}/seed_{seed}', f'{name}, seed {seed}')
        options = [f'randomness.seed={seed}']
        interval = int(cfg.train_cfg.get('val_interval', self.iters))
        super().__init__(label, self.record_file.parent, file, options, total, interval)

    # ------------------------------------------------------------------ the record

    def _check_record(self) -> None:
        record, folder = self._read(), self.record_file.parent
        if not record and checkpoints(str(folder)):
            raise UserError(
                f'{folder} holds checkpoints, but no {RECORD} that says of what: choose another '
                '--work-dir, or remove that folder.'
            )
        if record and record['config_hash'] != self.hash:
            raise UserError(
                f'{folder} holds a run of another config ({record["config_hash"][:12]}, now '
                f'{self.hash[:12]}): {changes(record["settings"], self.settings)}. Choose another '
                '--work-dir, or remove that folder.'
            )

    def _read(self) -> dict:
        advice = f'remove {self.record_file.parent} to train it anew'
        return read_record(str(self.record_file), advice, dict(config_hash=str, settings=dict))

    def _write(self, **more) -> None:
        record = dict(self.about, form=FORM, method=self.name, seed=self.seed, **more)
        record.update(config_hash=self.hash, settings=self.settings)
        atomic_write_text(str(self.record_file), json.dumps(record, indent=1) + '\n')

    def begin(self) -> None:
        """Say in the record what is about to be trained here."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self._write(status='started')

    def start(self, threads: int, lock: int | None = None) -> None:
        self.begin()
        super().start(threads, lock)

    def conclude(self) -> dict | None:
        advice = f'remove {self.folder} to train it anew'
        found = read_record(str(self.folder / 'results.json'), advice)
        if not is_finished(found):
            return None
        self._write(
            status='done',
            networks=found['networks'],
            validations=len(found.get('history') or []),
            seconds=found['seconds'],
            **{key: found[key] for key in NOTES if key in found},
            seconds_per_iter=self.pace(),
            **{key: found.get(key) for key in ('device', 'threads', 'memory_mb')},
        )
        return self._read()

    def result(self) -> dict | None:
        """Return the record of a finished training, also of one that outlived its compare."""
        record = self._read()
        begun = record.get('status') == 'started' or (record and 'form' not in record)
        if begun and (self.folder / 'results.json').exists():
            with contextlib.suppress(UserError):  # of a damaged file: the training writes it again
                return self.conclude()
        return record if record.get('status') == 'done' else None

    def saved(self) -> int:
        """Return how many iterations are done that the same command need not do again."""
        folders = [self.folder / name for name in self.stages] or [self.folder]
        return sum(max(checkpoints(str(folder)), default=0) for folder in folders)

    # ------------------------------------------------------------------ its logs

    def pace(self) -> float | None:
        """Return the median seconds of an iteration of training, over all calls that it took."""
        seconds = []
        for file in self.folder.glob('**/vis_data/scalars.json'):
            if '.old-' not in str(file.relative_to(self.folder)):
                rows, _ = read_lines(file)
                seconds += [row['time'] for row in rows if 'iter' in row and 'time' in row]
        return round(statistics.median(seconds), 5) if seconds else None

    def _read_progress(self) -> None:
        if not self.stages:
            return super()._read_progress()
        found = {name: progress_in(self.folder / name) for name in self.stages}
        found = {name: one for name, one in found.items() if one is not None}
        if found:
            name, (self.iter, self.seconds_per_iter, _) = list(found.items())[-1]
            self.phase = 'training' if self.iter < self.stages[name] else 'between stages'
            self.iter = sum(one[0] for one in found.values())


def _stage_iters(stage: dict, iters: int) -> int:
    """Return a stage's iterations; with epochs of its own they are not known before its turn."""
    return int((stage.get('cfg') or {}).get('train_cfg', {}).get('max_iters') or iters)


def describe(cfg: Config, base: str, images: dict, metric: str) -> dict:
    """Return what a record says of a method's config, in the form of all records."""
    val, evaluation = images.get('val', {}), evaluation_facts(cfg, 'val_dataloader', None)
    judged = dict(
        images=val.get('count'), list=val.get('sha256'), masks=some_files(val.get('labels'))
    )
    return dict(
        training_facts(cfg, images['facts']),
        base=base,
        network=network_facts(cfg, ''),
        metric=metric,
        evaluation=dict(evaluation, **judged),
        versions=package_versions(),
        lists=images['lists'],
        images=images,
    )
