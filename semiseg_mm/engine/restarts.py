"""Restarts by a launcher: torchrun starts all processes again when one of them has died."""

import os

from .checkpoint import safe_load
from .resuming import newest_resumable

COUNT = 'TORCHELASTIC_RESTART_COUNT'  # torchrun sets it: 0 at the first start
LAUNCH = 'SEMISEG_MM_LAUNCH'  # tools/launch.sh sets it, where restarts are asked for


def launch_of_this_run() -> dict:
    """Return what a checkpoint says of the launch that it was made in: nothing for most."""
    launch = os.environ.get(LAUNCH)
    return dict(launch=launch) if launch else {}


def goes_on_by_itself(work_dir: str) -> bool:
    """Return whether this is a restart, and the newest checkpoint one of the same launch.

    The restarted command line is the first one, with no ``--resume``. Another launch's
    checkpoints may be an earlier run's: they need that word, at a restart as well.
    """
    if os.environ.get(COUNT, '0') == '0' or not launch_of_this_run():
        return False
    newest, _ = newest_resumable(work_dir)
    return newest is not None and safe_load(newest)['meta'].get('launch') == os.environ[LAUNCH]
