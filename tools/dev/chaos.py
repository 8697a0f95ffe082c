"""Disturb tiny trainings at random, and see whether any result is lost.

    python tools/dev/chaos.py --faults 200 --seed 0 --minutes 20

Each fault has a work dir of its own. Afterwards the same command must come to the same weights, bit
for bit, or end with one sentence and exit status 1. Needs Linux; a full disk is a small file system
where one may be mounted. Exit status 1 if a fault was lost.
"""

import argparse
import importlib
import multiprocessing
import os
import shutil
import sys
import tempfile
import time
import traceback
from collections import Counter
from pathlib import Path
from random import Random

os.environ.setdefault('OMP_NUM_THREADS', '1')
ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(Path(__file__).parent)]

import cv2  # noqa: E402
import torch  # noqa: E402
import yapf.yapflib.yapf_api as yapf_api  # noqa: E402
from chaos_faults import FAULTS, HEALED, METHODS, REFUSED, Lost, make_killed_states  # noqa: E402
from chaos_runs import LATE, Target  # noqa: E402

from semiseg_mm import apis  # noqa: E402, F401  (what trainings import)
from semiseg_mm.engine import checkpoint  # noqa: E402

LOST = 'lost'
GUARDS = dict(checksums=(checkpoint, '_check_sums'))


def main(argv: list[str] | None = None) -> int:
    args = _parse(argv)
    torch.set_num_threads(1)
    for module in LATE:  # or the first training would seem slow
        importlib.import_module(module)
    cv2.setNumThreads(0)  # forked processes would wait for its threads
    yapf_api.FormatCode = lambda text, **_: (f'{text}\n', True)  # half of a tiny run
    if args.without:
        setattr(*GUARDS[args.without], lambda *_: None)
    faults, names = chosen(args.kinds, args.targets)
    if not faults:
        sys.exit('None of these targets has a fault of these kinds.')
    folder = Path(tempfile.mkdtemp(prefix='chaos-', dir=args.folder))
    end = time.monotonic() + 60 * args.minutes
    targets = {name: Target(name, folder / name) for name in names}
    for number, target in enumerate(targets.values()):
        target.measure()
        if target.name in METHODS:
            make_killed_states(target, 3, Random(f'{args.seed} {number}'))
        print(f'{target.name}: {target.seconds:.1f} s undisturbed', flush=True)
    context = multiprocessing.get_context('fork')
    told = context.SimpleQueue()
    slots = [
        context.Process(target=_work, args=(slot, args, faults, targets, folder, end, told))
        for slot in range(args.jobs)
    ]
    for slot in slots:
        slot.start()
    counts = _collect(slots, told, folder)
    _print_table(counts, [fault.__name__ for fault in faults])
    lost = sum(counts[fault.__name__, LOST] for fault in faults)
    died = [slot for slot in slots if slot.exitcode]
    if died:
        print(f'{len(died)} of {len(slots)} processes that inject faults died: {folder}')
    if lost or died:
        return 1
    shutil.rmtree(folder)
    return 0


def chosen(kinds: list[str] | None, targets: list[str] | None) -> tuple[list, list[str]]:
    """Return the faults of these kinds that one of the targets can have, and those targets."""
    of = {fault: [n for n in own if n in (targets or [n])] for fault, own in FAULTS.items()}
    faults = [one for one in FAULTS if of[one] and one.__name__ in (kinds or [one.__name__])]
    return faults, sorted({name for fault in faults for name in of[fault]})


def _parse(argv: list[str] | None) -> argparse.Namespace:
    kinds, targets = [f.__name__ for f in FAULTS], sorted({n for t in FAULTS.values() for n in t})
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('--faults', type=int, default=200)
    parser.add_argument('--seed', type=int, default=0)
    parser.add_argument('--minutes', type=float, default=20, help='no new fault after these')
    parser.add_argument('--jobs', type=int, default=os.cpu_count(), help='faults at once')
    parser.add_argument('--kinds', nargs='+', choices=kinds, help='these alone')
    parser.add_argument('--targets', nargs='+', choices=targets, help='these alone')
    parser.add_argument('--folder', help='where to work; default: the folder for temporary files')
    parser.add_argument(
        '--without', choices=GUARDS, help='break this guard first: is its loss found?'
    )
    return parser.parse_args(argv)


def _work(slot, args, faults, targets, folder, end, told) -> None:
    """Inject every ``jobs``-th fault, in a process that has imported everything."""
    for number in range(slot, args.faults, args.jobs):
        if time.monotonic() > end:
            break
        told.put((number, *_inject(number, args.seed, faults, targets, folder / str(number))))


def _collect(slots, told, folder: Path) -> Counter:
    """Count what the slots tell; say what was lost, and now and then how far they are."""
    counts = Counter()
    while any(slot.is_alive() for slot in slots) or not told.empty():
        if told.empty():
            time.sleep(0.1)
            continue
        number, kind, name, result, why = told.get()
        counts[kind, result] += 1
        if result == LOST:
            print(f'LOST {number}: {kind}, {name} ({folder / str(number)}): {why}', flush=True)
        if counts.total() % 20 == 0:
            print(f'{counts.total()} faults', flush=True)
    return counts


def _inject(number, seed, faults, targets, folder) -> tuple[str, str, str | None, str]:
    rng = Random(f'{seed} {number}')
    fault = faults[number % len(faults)]
    name = rng.choice([name for name in FAULTS[fault] if name in targets])
    why, result = '', None
    try:
        while result is None:  # the state that was drawn had nothing to damage
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir()
            result = fault(targets[name], folder, rng)
    except Lost as error:
        result, why = LOST, str(error)
    except Exception:  # of this tool itself: all the same nothing was shown
        result, why = LOST, traceback.format_exc()
    if result != LOST:
        shutil.rmtree(folder)
    return fault.__name__, name, result, why


def _print_table(counts: Counter, kinds: list[str]) -> None:
    columns = (HEALED, REFUSED, LOST)
    print(f'\n{"fault":16}{"injected":>10}' + ''.join(f'{c:>10}' for c in columns))
    total = Counter()
    for kind in [*kinds, 'all']:
        row = total if kind == 'all' else {c: counts[kind, c] for c in columns}
        total.update(row if kind != 'all' else {})
        print(f'{kind:16}{sum(row.values()):10}' + ''.join(f'{row[c]:10}' for c in columns))


if __name__ == '__main__':
    sys.exit(main())
