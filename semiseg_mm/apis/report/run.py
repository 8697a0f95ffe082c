"""Reads what a training left in its work dir; what cannot be read becomes a sentence."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from semiseg_mm.engine.checkpoint import checkpoints
from semiseg_mm.engine.hooks.result_hook import EARLY, last_and_best
from semiseg_mm.engine.stages.stage import MANIFEST
from semiseg_mm.errors import UserError
from semiseg_mm.records import NAME, read_records
from semiseg_mm.utils import read_lines, read_record
from semiseg_mm.utils.lock import is_running

from .log import Log, read_logs

TIMES = ('iter', 'step', 'time', 'data_time')  # of a validation, beside its scores
STAGE = re.compile(r'\d{2,3}_[\w.-]+')  # a call's folder begins with a date


@dataclass
class Run:
    """Hold the files of a training, or of a stage; of a staged run its stages as well."""

    folder: Path
    results: dict  # results.json
    manifest: dict  # of a stage
    rows: list[dict]  # of scalars.json, of all calls
    log: Log
    stages: list[Run]
    running: bool
    records: list[dict]  # of records.jsonl
    problems: list[str] = field(default_factory=list)

    @property
    def iter(self) -> int:
        """Return the last iteration that a file knows of."""
        known = [*checkpoints(str(self.folder)), *(row['iter'] for row in self.trained)]
        return max(int(self.results.get('iter') or 0), *known, 0)

    @property
    def max_iters(self) -> int | None:
        return self.results.get('max_iters') or self.log.max_iters

    @property
    def trained(self) -> list[dict]:
        """Return the rows of training; the others are of validations."""
        return [row for row in self.rows if 'iter' in row]

    @property
    def history(self) -> list[tuple[int, dict[str, float]]]:
        """Return all validations: iteration and scores."""
        rows = self.results.get('history') or [row for row in self.rows if 'iter' not in row]
        numbers = [{k: v for k, v in row.items() if isinstance(v, (int, float))} for row in rows]
        return [
            (
                int(row.get('iter', row.get('step', 0))),
                {k: v for k, v in row.items() if k not in TIMES},
            )
            for row in numbers
        ]

    @property
    def networks(self) -> dict[str, dict]:
        """Return for each network and metric the last value and the best."""
        return self.results.get('networks') or last_and_best(self.history)

    @property
    def validated_once(self) -> bool:
        """Return whether the last scores are the only ones: they are no best of several."""
        return len(self.history) == 1

    @property
    def ended(self) -> bool:
        last = self.results.get(EARLY) or self.max_iters
        return last is not None and self.iter >= last

    @property
    def config(self) -> Path | None:
        """Return the file with all settings of the last call."""
        named = self.folder / self.config_name
        dumped = sorted(self.folder.glob('*/vis_data/config.py'))
        return named if named.is_file() else next(iter(dumped[-1:]), None)

    @property
    def config_name(self) -> str:
        """Return the name of the config, as the files know it; empty if none does."""
        known = self.results.get('config') or self.log.facts.get('config') or ''
        return Path(str(known)).name

    @property
    def versions(self) -> dict[str, str]:
        """Return the versions of the packages in the last call that a record tells of."""
        return self.records[-1]['versions'] if self.records else self.manifest.get('versions', {})

    def trainings(self) -> list[Run]:
        """Return the trainings: this one, or those of its stages."""
        found = self.stages or [self]
        return [one for one in found if one.rows or one.log.facts or one.results.get('networks')]


def read_run(folder: Path) -> Run:
    """Read a work dir; a folder that holds no training is a sentence."""
    if not folder.is_dir():
        raise UserError(f'{folder} is no folder: name the work dir of a training.')
    run = _read(folder)
    run.stages = [
        _read(path)
        for path in sorted(folder.iterdir())
        if path.is_dir() and STAGE.fullmatch(path.name) and '.old-' not in path.name
    ]
    if not (run.results or run.rows or run.log.facts or run.stages or run.problems):
        below = sorted(path.parent for path in folder.glob('*/**/results.json'))
        hint = f', such as {below[0]}' if below else ''
        raise UserError(
            f'{folder} holds no training: no results.json, no log and no stages. Name the work '
            f'dir of one{hint}.'
        )
    return run


def _read(folder: Path) -> Run:
    problems: list[str] = []
    logs = sorted(path for path in folder.glob('*/*.log') if path.stem == path.parent.name)
    return Run(
        folder=folder,
        results=_record(folder / 'results.json', problems),
        manifest=_record(folder / MANIFEST, problems),
        rows=_rows(sorted(folder.glob('*/vis_data/scalars.json')), problems),
        log=read_logs(logs),
        stages=[],
        running=is_running(folder),
        records=_records(folder / NAME, problems),
        problems=problems,
    )


def _record(path: Path, problems: list[str]) -> dict:
    try:
        return read_record(str(path), 'what it says is missing here')
    except (UserError, OSError) as error:
        problems.append(str(error))
        return {}


def _records(path: Path, problems: list[str]) -> list[dict]:
    if not path.is_file():
        return []
    found, remarks = read_records([str(path)])
    problems += remarks
    return [record.facts for record in found]


def _rows(files: Sequence[Path], problems: list[str]) -> list[dict]:
    """Return the rows of all calls; what a later call did again takes the place of the former."""
    rows: list[dict] = []
    for file in files:
        try:
            found, damaged = read_lines(file)
        except OSError as error:
            problems.append(f'{file} cannot be read ({error}).')
            continue
        if damaged:
            lines = ', '.join(map(str, damaged[:5])) + (', …' if len(damaged) > 5 else '')
            problems.append(f'{file}: line {lines} cannot be read, and is left out.')
        found = [row for row in found if isinstance(row.get('step'), int)]
        first = min((row['step'] for row in found), default=0)
        rows = [row for row in rows if row['step'] < first or not found] + found
    return rows
