"""Train several methods on the network, labels, stream and iterations of one config."""

import argparse
from pathlib import Path

from mmengine.config import Config
from rich.console import Console

from semiseg_mm.apis.processes import (
    Deadline,
    continuable,
    make_display,
    run_all,
    tell_failures,
)
from semiseg_mm.engine.batch_hint import batch_hint, batch_in
from semiseg_mm.engine.train_plan import settle
from semiseg_mm.errors import UserError
from semiseg_mm.parsers import training
from semiseg_mm.parsers.options import parse_options
from semiseg_mm.utils import atomic_write_text, nearest
from semiseg_mm.utils.lock import locked
from semiseg_mm.utils.places import config_path, short_path

from . import pieces, report
from .machine import places, threads
from .methods import choose, compose, load_base
from .plan import plan_runs
from .run import Run, describe
from .settings import find_split, left_behind, set_aside
from .slurm import refuse_if_queued, train_as_array

__all__ = ['main']


def main(argv: list[str] | None = None) -> int:
    args = _parse(argv)
    deadline = Deadline(None if args.minutes is None else 60 * args.minutes)
    return continuable(lambda: _compare(args, deadline))


def _parse(argv: list[str] | None) -> argparse.Namespace:
    parser = training.compare()
    args = parser.parse_args(argv)
    for name in ('iters', 'jobs'):
        if (getattr(args, name) or 1) < 1:
            parser.error(f'--{name} must be at least 1')
    if len(set(args.seeds)) < len(args.seeds) or min(args.seeds) < 0:
        parser.error('--seeds must differ, and none is negative')
    if args.minutes is not None and not args.minutes > 0:
        parser.error('--minutes must be more than 0')
    if args.minutes is not None and args.launcher == 'slurm':
        parser.error(
            '--minutes is for trainings that run here; Slurm limits the time of its tasks itself: '
            "SBATCH_ARGS='--time 1:00:00 --signal=B:TERM@90'"
        )
    return args


def _compare(args: argparse.Namespace, deadline: Deadline) -> int:
    args.config = config_path(args.config)
    options = dict(args.cfg_options or {})
    suffix = ''
    if args.iters is not None:
        options.update({'train_cfg.max_iters': args.iters, 'train_cfg.epochs': None})
        suffix = f'_{args.iters}-iters'
    base = load_base(args.config, options)
    epochs = settle(base).epochs  # each run is one process, so all have these iterations
    choices = choose(args.methods)
    own = options_by_label([choice.name for choice in choices], args.method_options)
    choices = [c._replace(options=parse_options(own[c.name])) for c in choices]
    configs = {choice.name: compose(base, choice) for choice in choices}
    folder = args.work_dir or f'work_dirs/compare_{Path(args.config).stem}{suffix}'
    work_dir, console = Path(folder).resolve(), _console()
    with locked(work_dir) as lock:
        runs = _plan(base, args, configs, work_dir)
        _hint_on_batch(base, epochs, console)
        lost = left_behind(base, args.config, choices) + set_aside(base, choices, options)
        for note in lost:
            console.print(note, highlight=False, markup=False)
        before = pieces.kept(runs)
        if args.launcher == 'slurm':
            if not train_as_array(runs, work_dir, args.jobs):
                return 0
        else:
            refuse_if_queued(work_dir)
            with make_display(runs, console, only_running=True) as display:
                run_all(runs, display, lock, places(args.jobs), threads(), deadline)
        status = _report(runs, own, lost, work_dir, console)
        return pieces.go_on(runs, before, args.minutes) if pieces.unfinished(runs) else status


def options_by_label(names: list[str], words: list[str]) -> dict[str, list[str]]:
    """Sort the words of --method-options, ``LABEL[,LABEL]:KEY=VALUE``, by their labels."""
    own: dict[str, list[str]] = {name: [] for name in names}
    for word in words:
        labels, colon, option = word.partition(':')
        if not colon or '=' not in option or '=' in labels:
            raise UserError(f'--method-options {word}: write LABEL:KEY=VALUE.')
        for label in labels.split(','):
            if label not in own:
                raise UserError(
                    f"--method-options {word}: '{label}' is none of --methods {' '.join(names)}."
                    + nearest(label, names)
                )
            own[label].append(option)
    return own


def _plan(
    base: Config,
    args: argparse.Namespace,
    configs: dict[str, Config],
    work_dir: Path,
) -> list[Run]:
    """Return all runs; the configs that they train are written once all records agree with them."""
    split = find_split(base)
    hooks = base.get('default_hooks') or {}
    metric = str(hooks.get('checkpoint', {}).get('save_best') or 'mIoU')
    about = {n: describe(cfg, args.config, split, metric) for n, cfg in configs.items()}
    return plan_runs(configs, about, args.seeds, work_dir)


def _hint_on_batch(base: Config, epochs: float | None, console: Console) -> None:
    hint = batch_hint(
        batch_in(base),
        base.get('auto_scale_lr'),
        int(base.train_cfg.max_iters),
        epochs=epochs,
        switch='--cfg-options auto_scale_lr.enable=True',
    )
    if hint:
        console.print(hint, highlight=False, markup=False)


def _console() -> Console:
    console = Console()
    return console if console.is_terminal else Console(width=140)


def _report(
    runs: list[Run], options: dict, lost: list[str], work_dir: Path, console: Console
) -> int:
    missing = pieces.unfinished(runs)
    without = [run for run in runs if run.result() is None]
    failed = [run for run in without if run not in missing]
    tell_failures(failed)
    records: dict[str, list[dict]] = {run.name: [] for run in runs}
    for run in runs:
        if run not in without:
            records[run.name].append(run.result())
    every = [record for own in records.values() for record in own]
    metric = runs[0].about['metric']
    rows = report.summarise(records, metric)
    notes = [*report.make_notes(every, options), *lost]
    if failed:
        notes.insert(0, f'No result: {", ".join(run.method.title for run in failed)}.')
    notes = [*pieces.notes(missing), *notes]
    files = {
        'comparison.md': report.make_markdown(rows, metric, notes),
        'comparison.csv': report.make_csv(rows),
    }
    console.print()
    console.print(report.make_table(rows, metric))
    for note in notes:
        console.print(f'- {note}', highlight=False, markup=False)
    for name, text in files.items():
        atomic_write_text(str(work_dir / name), text)
        print(f'Written: {short_path(work_dir / name)}')
    print(f'A record of each run: {short_path(work_dir)}/<method>/seed_<n>/record.json')
    return 1 if failed else 0
