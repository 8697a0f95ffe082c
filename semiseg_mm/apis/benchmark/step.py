"""A training iteration of each method against straight-line code with the same network passes."""

import argparse
import json
import tempfile
from collections.abc import Callable

import torch
from mmengine.config import Config

from semiseg_mm.errors import UserError
from semiseg_mm.utils import check_choice
from semiseg_mm.utils.places import METHODS

from .iteration import Iteration, bare_step
from .measure import alternate, show
from .straight import STRAIGHT

ON_GPU = dict(size=512, steps=12, modes=['fp32', 'bf16'])
ON_CPU = dict(size=64, steps=2, modes=['fp32'])
LIKE = dict(  # methods whose iteration is another one's
    prevmatch='unimatch',  # as long as nothing is remembered
    sup_only_centroid='sup_only',
    sup_only_coarse2fine='sup_only',
    st_plus_plus='st',
    self_training_finetune='self_training',
    self_training_transfer='self_training',
    self_training_x50='self_training',
)


def run(args: argparse.Namespace) -> None:
    for name, value in (ON_GPU if torch.cuda.is_available() else ON_CPU).items():
        if getattr(args, name) is None:
            setattr(args, name, value)
    files = {path.stem: path for path in sorted(METHODS.glob('*.py'))}
    known = [name for name, path in files.items() if 'model' in Config.fromfile(path)]
    for name in args.methods or ():
        check_choice('--methods', name, known)
    rows = [
        measured(name, mode, args) for mode in args.modes for name in args.methods or _apart(known)
    ]
    device = torch.cuda.get_device_name() if torch.cuda.is_available() else 'CPU, one thread'
    title = f'{args.model}, {args.batch} + {args.batch} images of {args.size}, {device}'
    columns = [key for key in rows[0] if key != 'places' and any(row[key] for row in rows)]
    show(title, tuple(columns), [tuple(_shown(row[key]) for key in columns) for row in rows])
    try:
        with open(args.json, 'w') as file:
            json.dump(dict(title=title, torch=torch.__version__, rows=rows), file, indent=1)
    except OSError as error:
        raise UserError(f'--json {args.json} cannot be written ({error}).') from error


def _apart(names: list[str]) -> list[str]:
    return [name for name in names if name not in LIKE]


def measured(name: str, mode: str, args: argparse.Namespace) -> dict:
    """Return the row of a method: milliseconds, their ratio, memory, waits."""
    straight = STRAIGHT.get(LIKE.get(name, name))
    if straight is None:
        print(f'{name} has no straight-line code yet: it is measured alone.')
    variants: dict[str, Callable[[], object]] = {}
    memory = {}
    with tempfile.TemporaryDirectory() as folder:
        ours = Iteration(name, mode, args, folder)
        makers = dict(ours=lambda: ours.step, bare=lambda: bare_step(straight, mode, args))
        for kind in ('ours', 'bare') if straight else ('ours',):
            variants[kind], memory[kind] = _warmed(makers[kind])
        seconds = alternate(args.rounds, args.steps, *variants.values())
        milliseconds = dict(zip(variants, (1000 * own for own in seconds)))
        waits = ours.waits()
    return {
        'method': name,
        'mode': mode,
        'ms': milliseconds['ours'],
        'straight': milliseconds.get('bare'),
        'more': milliseconds['ours'] - milliseconds['bare'] if straight else None,
        'ratio': milliseconds['ours'] / milliseconds['bare'] if straight else None,
        'peak GiB': memory['ours'],
        'straight GiB': memory.get('bare'),
        'waits': str(sum(waits.values())),
        'places': waits,
    }


def _warmed(make: Callable[[], Callable], steps: int = 3) -> tuple[Callable, float | None]:
    """Return what was made, after some steps, and the memory that it took at most."""
    gpu = torch.cuda.is_available()
    if gpu:
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()
    before = torch.cuda.memory_allocated() if gpu else 0
    step = make()
    for _ in range(steps):
        step()
    return step, (torch.cuda.max_memory_allocated() - before) / 2**30 if gpu else None


def _shown(value) -> str:
    return f'{value:.3g}' if isinstance(value, float) else '' if value is None else str(value)
