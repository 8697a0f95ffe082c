"""Train three methods on the embedded dataset with the same few labels, and compare them."""

import argparse
import json
from pathlib import Path

from rich.console import Console

from semiseg_mm.apis.processes import (
    continuable,
    make_display,
    run_all,
    tell_failures,
)
from semiseg_mm.utils import atomic_write_text
from semiseg_mm.utils.lock import locked
from semiseg_mm.utils.places import short_path

from . import methods
from .picture import draw
from .report import make_record, make_table
from .training import Training

__all__ = ['main']


def main(argv: list[str] | None = None) -> int:
    args = _parse(argv)
    return continuable(lambda: _quickstart(args))


def _parse(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--iters', type=int, help='shorten the trainings, for a quick look')
    parser.add_argument('--seed', type=int, help="default: the configs'")
    parser.add_argument(
        '--work-dir', help='default: work_dirs/quickstart, with a suffix for --iters and --seed'
    )
    parser.add_argument(
        '--full-labels', action='store_true', help='also train SupOnly with 1000 labeled images'
    )
    parser.add_argument(
        '--cfg-options', nargs='+', default=[], metavar='KEY=VALUE', help='for all trainings'
    )
    args = parser.parse_args(argv)
    if args.iters is not None and args.iters < 1:
        parser.error('--iters must be at least 1')
    return args


def _quickstart(args: argparse.Namespace) -> int:
    options, suffix = list(args.cfg_options), ''
    if args.iters is not None:
        options.append(f'train_cfg.max_iters={args.iters}')
        suffix += f'_{args.iters}-iters'
    if args.seed is not None:
        options.append(f'randomness.seed={args.seed}')
        suffix += f'_seed-{args.seed}'
    work_dir = Path(args.work_dir or f'work_dirs/quickstart{suffix}').resolve()
    chosen = [*methods.METHODS, *([methods.FULL_LABELS] if args.full_labels else [])]
    console = Console()
    with locked(work_dir) as lock:
        trainings = [Training(method, work_dir, options) for method in chosen]
        with make_display(trainings, console) as display:
            run_all(trainings, display, lock)
        return _report(trainings, work_dir, args.iters is not None, console)


def _report(trainings: list[Training], work_dir: Path, shortened: bool, console: Console) -> int:
    failed = [t for t in trainings if t.result() is None]
    trained = [t for t in trainings if t not in failed]
    record = make_record(trainings, methods.load_reference(), shortened)
    atomic_write_text(str(work_dir / 'results.json'), json.dumps(record, indent=2) + '\n')
    tell_failures(failed)
    console.print()
    console.print(make_table(record))
    print(record['conclusion'])
    if trained:
        draw(trained, work_dir / 'predictions.png')
        print(f'Predictions on the first images of val: {short_path(work_dir / "predictions.png")}')
    print(f'All numbers: {short_path(work_dir / "results.json")}')
    return 1 if failed else 0
