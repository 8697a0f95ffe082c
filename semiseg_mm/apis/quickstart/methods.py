import json
from pathlib import Path
from statistics import fmean, stdev
from typing import NamedTuple

from semiseg_mm.errors import UserError
from semiseg_mm.utils.places import MEASURED, ROOT


class Method(NamedTuple):
    key: str  # also the name of its folder
    title: str
    config: str  # the leaf is configs/*/<config>_*shapes-*.py
    network: str  # the one that is reported and drawn
    cost: float  # of an iteration, in iterations of SupOnly: for the time left, and the order
    options: tuple[str, ...] = ()


METHODS = (
    Method('sup_only', 'SupOnly', 'sup-only', 'student', 1),
    Method('mean_teacher', 'Mean Teacher', 'mean-teacher', 'teacher', 2.6),
    Method('cps_cutmix', 'CPS + CutMix', 'cps-cutmix', 'net_0', 4.7),
)
FULL_LABELS = Method(
    'full_labels',
    'full labels',
    'sup-only',
    'student',
    1,
    ('train_dataloader.dataset.labeled.num_images=1000',),
)


def find_config(name: str) -> Path:
    """The one leaf config of a method on the embedded dataset."""
    pattern = f'configs/*/{name}_*_shapes-*.py'
    found = sorted(ROOT.glob(pattern))
    if len(found) != 1:
        names = ', '.join(path.name for path in found) or 'none'
        raise UserError(f'The quickstart needs exactly one {pattern} in {ROOT}, found: {names}.')
    return found[0]


def load_reference() -> dict:
    """Mean and spread of what was measured once with the labels of all images."""
    for row in json.loads((MEASURED / 'shapes.json').read_text())['results']:
        if row['method'] == 'SupOnly, all labels':
            return dict(mIoU=fmean(row['mIoU']), std=stdev(row['mIoU']))
    return {}
