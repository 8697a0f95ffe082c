"""A training that stands still while a file exists, so that others can be tried beside it."""

import time
from pathlib import Path

from semiseg_mm.testing import toy_config


def write_held_config(folder: Path) -> None:
    """Write config.py (4 iterations in ``folder/run``), which waits at 3 for folder/hold to go.

    ``folder`` must be on the path of the process that trains.
    """
    (folder / 'holding.py').write_text(
        'import os, time\n'
        'from mmengine.hooks import Hook\n'
        'from mmengine.registry import HOOKS\n'
        '@HOOKS.register_module()\n'
        'class Holding(Hook):\n'
        '    def before_train_iter(self, runner, batch_idx, data_batch=None):\n'
        f'        while runner.iter == 2 and os.path.exists({str(folder / "hold")!r}):\n'
        '            time.sleep(0.02)\n'
    )
    extra = {
        'custom_imports.imports': ['semiseg_mm.testing', 'holding'],
        'custom_hooks': [dict(type='Holding')],
        'default_hooks.checkpoint.interval': 2,
        'train_dataloader.num_workers': 1,
        'randomness.seed': 1,
    }
    toy_config(folder / 'run', dict(type='SupOnly'), max_iters=4, **extra).dump(
        folder / 'config.py'
    )


def wait_for(path: Path, seconds: float = 90) -> None:
    end = time.monotonic() + seconds
    while not path.exists():
        assert time.monotonic() < end, f'{path} did not appear'
        time.sleep(0.02)
