"""Train three methods on the embedded dataset with the same few labels, and compare them."""

import argparse
import json
from pathlib import Path

from rich.console import Console

from semiseg_mm.apis import processes
from semiseg_mm.parsers import training
from semiseg_mm.utils import atomic_write_text
from semiseg_mm.utils.lock import locked
from semiseg_mm.utils.places import short_path

from . import methods
from .picture import Picture
from .report import make_record, make_table

__all__ = ['main']


def main(argv: list[str] | None = None) -> int:
    args = _parse(argv)
    return processes.continuable(lambda: _quickstart(args))


def _parse(argv: list[str] | None) -> argparse.Namespace:
    parser = training.quickstart()
    args = parser.parse_args(argv)
    if args.iters is not None and args.iters < 1:
        parser.error('--iters must be at least 1')
    return args


def _quickstart(args: argparse.Namespace) -> int:
    options, suffix = dict(args.cfg_options or {}), ''
    if args.iters is not None:
        options['train_cfg.max_iters'] = args.iters
        suffix += f'_{args.iters}-iters'
    if args.seed is not None:
        suffix += f'_seed-{args.seed}'
    work_dir = Path(args.work_dir or f'work_dirs/quickstart{suffix}').resolve()
    chosen = [*methods.METHODS, *([methods.FULL_LABELS] if args.full_labels else [])]
    with locked(work_dir) as lock:
        trained = methods.plan(chosen, options, args.seed, work_dir)
        picture, console = Picture(trained, work_dir / 'predictions.png'), Console()
        runs = [one.run for one in trained]
        with processes.make_display(runs, console) as display:
            processes.run_all(runs, lambda left: (display(left), picture.follow()), lock)
        record = make_record(trained, methods.load_reference(), args.iters is not None)
        atomic_write_text(str(work_dir / 'results.json'), json.dumps(record, indent=2) + '\n')
        failed = [one.run for one in trained if one.score is None]
        processes.tell_failures(failed)
        console.print()
        console.print(make_table(record))
        print(record['conclusion'])
        if picture.draw():
            print(f'Predictions on the first images of val: {short_path(picture.path)}')
        print(f'All numbers: {short_path(work_dir / "results.json")}')
        return 1 if failed else 0
