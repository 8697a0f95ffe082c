"""Says in one line what a training came to, where it lies, and what to do with it."""

import os
import os.path as osp
from shlex import quote

from semiseg_mm.utils import read_record
from semiseg_mm.utils.places import short_path

FILES = ('results.json', 'curves.png', 'pictures')


def closing(work_dir: str) -> str:
    """Return the line for a finished training in ``work_dir``."""
    record = read_record(osp.join(work_dir, FILES[0]), 'train again')
    checkpoint = _last_checkpoint(work_dir)
    names = [name for name in FILES if osp.exists(osp.join(work_dir, name))]
    scores = [_score(name, rows) for name, rows in (record.get('networks') or {}).items()]
    folder = short_path(work_dir)
    words = ['Done.', f'{"; ".join(scores)}.' if scores else 'Nothing was validated.']
    words.append(f'{folder} holds {", ".join([*checkpoint, *names])}.')
    if checkpoint:
        folder = quote(folder)
        words.append(
            f'Next: semiseg_mm report {folder}, semiseg_mm predict {folder} PHOTOS --out DIR, or '
            f'semiseg_mm publish {folder} NAME.pth'
        )
    return ' '.join(words)


def _last_checkpoint(work_dir: str) -> list[str]:
    """Return the path of the last checkpoint below the work dir; nothing if there is none."""
    file = osp.join(work_dir, 'last_checkpoint')
    if not osp.isfile(file):
        return []
    with open(file, encoding='utf-8') as opened:
        path = opened.read().strip()
    return [os.path.relpath(path, work_dir)] if osp.isfile(path) else []


def _score(network: str, rows: dict) -> str:
    metric = 'mIoU' if 'mIoU' in rows else next(iter(rows))
    row = rows[metric]
    return f'{network}: {metric} {row["last"]:.2f} (best {row["best"]:.2f} at {row["best_iter"]})'
