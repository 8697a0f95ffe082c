"""The faults of chaos.py. Each takes a target, a folder of its own and a generator of numbers.

A fault is healed if the same command then comes to the undisturbed result, refused if it ends with
one sentence and exit status 1, and lost otherwise.
"""

import json
import os
import re
import resource
import shutil
import signal
import subprocess
import time
import zipfile
from pathlib import Path
from random import Random

from chaos_runs import Outcome, Target, ended, state_of

from semiseg_mm.engine.checkpoint import checkpoints, safe_load

HEALED, REFUSED = 'healed', 'refused'
METHODS = ('sup_only', 'cps', 'unimatch', 'st_plus_plus')
STOPPED = dict(SIGKILL=(-9,), SIGTERM=(-15, 143), SIGINT=(130, -2))


class Lost(Exception):
    """Tell of a fault that changed a result, or ended in a traceback."""


def judge(target: Target, work_dir: Path, outcome: Outcome, may_refuse: bool) -> str:
    """Judge the same command after a fault."""
    if outcome.code is None:
        raise Lost('it hangs')
    if outcome.refused and may_refuse:
        return REFUSED
    if outcome.code != 0:
        raise Lost(f'exit status {outcome.code}: {outcome.text.strip()[-600:]}')
    state = state_of(work_dir)
    if state != target.state:
        wrong = [name for name in target.state if state.get(name) != target.state[name]]
        told = re.findall(r'; ([^;\n]*) was put there since', outcome.text)
        if wrong and all(Path(name).name in ', '.join(told) for name in wrong):
            return REFUSED
        raise Lost(f'other results without a word: {", ".join(wrong) or "more files"}')
    return HEALED


# ------------------------------------------------------------------ kills


def kill(target: Target, folder: Path, rng: Random, name: str) -> str:
    work_dir, moment = folder / 'run', rng.uniform(0, 1.1 * target.seconds)

    def strike(process) -> None:
        process.join(moment)
        if process.is_alive():
            os.kill(process.pid, signal.Signals[name])

    outcome = target.run(work_dir, meanwhile=strike)
    begun = any(work_dir.glob('**/vis_data/*'))  # before that, Python itself is interrupted
    over = (work_dir / 'results.json').exists()
    if begun and not over and outcome.code not in (0, *STOPPED[name]):
        raise Lost(f'{name}: exit status {outcome.code}: {outcome.text.strip()[-600:]}')
    if begun and not over and outcome.crashed:
        raise Lost(f'{name}: {outcome.text.strip()[-600:]}')
    return judge(target, work_dir, target.run(work_dir), may_refuse=False)


def sigkill(target, folder, rng):
    return kill(target, folder, rng, 'SIGKILL')


def sigterm(target, folder, rng):
    return kill(target, folder, rng, 'SIGTERM')


def sigint(target, folder, rng):
    return kill(target, folder, rng, 'SIGINT')


# ------------------------------------------------------------------ the disk


def full_disk(target: Target, folder: Path, rng: Random) -> str:
    """Fill the disk: a small file system or, without the right to mount, a limit on file sizes."""
    disk = folder / 'disk'
    disk.mkdir()
    whole = sum(f.stat().st_size for f in (target.folder / 'undisturbed').rglob('*'))
    room = int(rng.uniform(0.02, 1.0) * whole) // 1024
    mount = ['mount', '-t', 'tmpfs', '-o', f'size={room}k', 'tmpfs', str(disk)]
    if subprocess.run(mount, capture_output=True).returncode:
        return _small_files(target, disk, rng)
    try:
        first = target.run(disk / 'run')
        if first.code != 0 and not first.refused:
            raise Lost(f'full disk: exit status {first.code}: {first.text.strip()[-600:]}')
        subprocess.run(['mount', '-o', 'remount,size=256m', str(disk)], check=True)
        return judge(target, disk / 'run', target.run(disk / 'run'), may_refuse=False)
    finally:
        subprocess.run(['umount', '-l', str(disk)], check=True)


def _small_files(target: Target, disk: Path, rng: Random) -> str:
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    largest = max(f.stat().st_size for f in (target.folder / 'undisturbed').rglob('*.pth'))
    resource.setrlimit(resource.RLIMIT_FSIZE, (rng.randint(largest // 2, largest), limits[1]))
    try:
        first = target.run(disk / 'run')
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    if first.code != 0 and not first.refused:
        raise Lost(f'full disk: exit status {first.code}: {first.text.strip()[-600:]}')
    return judge(target, disk / 'run', target.run(disk / 'run'), may_refuse=False)


# ------------------------------------------------------------------ damaged files


def _copy(target: Target, folder: Path, rng: Random) -> Path:
    """Copy one of the target's states: finished, or killed on its way."""
    states = [*sorted(target.folder.glob('killed_?')), target.folder / 'undisturbed']
    shutil.copytree(rng.choice(states), folder / 'run')
    return folder / 'run'


def _choose(work_dir: Path, rng: Random, *patterns: str) -> Path | None:
    files = sorted({f for p in patterns for f in work_dir.rglob(p) if f.is_file()})
    files = [f for f in files if f.stat().st_size]
    return rng.choice(files) if files else None


def _newest(work_dir: Path) -> list[str]:
    """Return patterns of the checkpoints that are resumed from, or are the result."""
    folders = {file.parent for file in work_dir.rglob('iter_*.pth')}
    found = [list(checkpoints(str(folder)).values())[-1] for folder in folders]
    return [str(Path(file).relative_to(work_dir)) for file in sorted(found)]


def bit_flip(target: Target, folder: Path, rng: Random) -> str | None:
    """Flip one bit of a checkpoint, or of what a stage made."""
    work_dir = _copy(target, folder, rng)
    made = ('*.png', '*.tsv', 'images.txt', 'reliable.txt', 'rest.txt', 'chunks/*.json')
    file = _choose(work_dir, rng, *rng.choice([made, *3 * [_newest(work_dir)], ['*.pth']]))
    if file is None:
        return None
    content = bytearray(file.read_bytes())
    content[_place(file, content, rng)] ^= 1 << rng.randrange(8)
    file.write_bytes(content)
    return judge(target, work_dir, target.run(work_dir), may_refuse=True)


def _place(file: Path, content: bytes, rng: Random) -> int:
    """Return where to flip: mostly in a tensor, which is little of so small a checkpoint."""
    if not zipfile.is_zipfile(file) or rng.random() < 0.2:
        return rng.randrange(len(content))
    with zipfile.ZipFile(file) as archive:
        tensors = [m for m in archive.infolist() if '/data/' in m.filename and m.file_size]
    member = rng.choice(tensors)
    lengths = [member.header_offset + at for at in (26, 28)]  # of its name, and of what follows
    begin = 30 + sum(int.from_bytes(content[at : at + 2], 'little') for at in lengths)
    return member.header_offset + begin + rng.randrange(member.file_size)


def truncated(target: Target, folder: Path, rng: Random) -> str | None:
    work_dir = _copy(target, folder, rng)
    file = _choose(work_dir, rng, *rng.choice([_newest(work_dir), ['*.pth'], ['*']]))
    if file is None:
        return None
    os.truncate(file, rng.choice([0, rng.randrange(file.stat().st_size)]))
    return judge(target, work_dir, target.run(work_dir), may_refuse=True)


def damaged_record(target: Target, folder: Path, rng: Random) -> str | None:
    work_dir = _copy(target, folder, rng)
    records = ('manifest.json', 'results.json', 'record.json', 'last_checkpoint', 'chunks/*.json')
    file = _choose(work_dir, rng, *records)
    if file is None:
        return None
    text = file.read_text()
    wrong = ['{', '[]', 'null', '{}', '{"key": 1}', '{"status": "done"}', '3', '"x"', '\0\xff']
    try:
        content = json.loads(text)
        content.pop(rng.choice(sorted(content)))
        wrong += 3 * [json.dumps(content)]
    except (ValueError, AttributeError):
        content = None  # damaged before, or no object: the other wrong texts remain
    file.write_text(rng.choice([*wrong, text[: len(text) // 2]]))
    return judge(target, work_dir, target.run(work_dir), may_refuse=True)


# ------------------------------------------------------------------ numbers, images, writers


def not_a_number(target: Target, folder: Path, rng: Random) -> str:
    """Diverge. The run must be refused, and leave no weights that are not finite."""
    work_dir = folder / 'run'
    rate = f'optim_wrapper.optimizer.lr={rng.choice(["1e30", "1e25", "1e38"])}'
    outcome = target.run(work_dir, rate)
    if not outcome.refused:
        raise Lost(f'NaN: exit status {outcome.code}: {outcome.text.strip()[-600:]}')
    for file in work_dir.rglob('*.pth'):
        if file.name.startswith('nan_'):  # the batch that came to it, no checkpoint
            continue
        for name, value in safe_load(str(file))['state_dict'].items():
            if not value.isfinite().all():
                raise Lost(f'NaN in {name} of {file.name}')
    if target.staged:  # another rate is another stage
        return judge(target, work_dir, target.run(work_dir), may_refuse=False)
    return REFUSED


def broken_image(target: Target, folder: Path, rng: Random) -> str:
    """Break an image or a mask; it must be named. Mended again, the run must come to the same."""
    config = folder / 'own.py'  # own images, as others use the target's at the same time
    shutil.copytree(target.data, folder / 'data')
    config.write_text(target.config.read_text().replace(str(target.data), str(folder / 'data')))
    own = Target.__new__(Target)
    own.__dict__.update(target.__dict__, config=config)
    file = _choose(folder / 'data', rng, '*.png')
    good = file.read_bytes()
    bad = [b'', b'no image', good[: len(good) // 2], bytes(len(good)), good[:24]]
    file.write_bytes(rng.choice(bad))
    work_dir = folder / 'run'
    options = [f'train_dataloader.dataset.max_broken={rng.choice([0.0, 0.5])}']
    outcome = own.run(work_dir, *options)
    named = str(file) in outcome.text or file.name in outcome.text
    if outcome.code == 0 and named:
        return REFUSED  # left out, and said so
    if not outcome.refused or not named:
        if outcome.code == 0 and state_of(work_dir) == own.state:
            return HEALED  # it was never drawn
        raise Lost(f'{file.name}: exit status {outcome.code}: {outcome.text.strip()[-600:]}')
    file.write_bytes(good)
    for listed in work_dir.rglob('broken*.txt'):  # as the sentence says
        listed.unlink()
    return judge(own, work_dir, own.run(work_dir, *options), may_refuse=False)


def second_writer(target: Target, folder: Path, rng: Random) -> str:
    """Start another run in the same work dir, with another seed."""
    work_dir, moment = folder / 'run', rng.uniform(0.05, 0.9 * target.seconds)
    first = target.start(work_dir)
    first.join(moment)
    early = first.is_alive()
    second = target.run(work_dir, 'randomness.seed=5')
    outcome = ended(first)
    if outcome.code == 0 and second.refused:
        return judge(target, work_dir, outcome, may_refuse=False)
    if outcome.refused and second.code == 0 and early:  # the second one was faster
        if state_of(work_dir) == target.state:
            raise Lost('the second writer was not the one with another seed')
        return REFUSED
    if outcome.code == 0 and second.code == 0 and target.staged:  # one after the other
        return judge(target, work_dir, target.run(work_dir), may_refuse=False)
    text = outcome.text if outcome.code else second.text
    raise Lost(f'exit statuses {outcome.code} and {second.code}: {text.strip()[-600:]}')


FAULTS = {
    sigkill: METHODS,
    sigterm: METHODS,
    sigint: METHODS,
    full_disk: METHODS,
    bit_flip: METHODS,
    truncated: METHODS,
    damaged_record: (*METHODS, 'st_plus_plus', 'compare'),
    not_a_number: METHODS,
    broken_image: ('images',),
    second_writer: METHODS,
}


def make_killed_states(target: Target, number: int, rng: Random) -> None:
    """Leave folders of runs that were killed on their way, to damage them."""
    for k in range(number):
        share = (k + rng.random()) / number
        process = target.start(target.folder / f'killed_{k}')
        process.join(target.seconds * (0.3 + 0.7 * share))
        if process.is_alive():
            os.kill(process.pid, signal.SIGKILL)
        ended(process)
        time.sleep(0.1)
