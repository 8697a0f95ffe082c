"""What the commands share: errors in one sentence, and a config that is read and checked."""

import argparse
import contextlib
import errno
import logging
import os
import re
import sys
from collections.abc import Callable, Iterable
from typing import Any

from mmengine.config import Config
from mmengine.device import is_cuda_available
from mmengine.dist import barrier, is_distributed, is_main_process
from mmengine.registry import init_default_scope

import semiseg_mm.engine  # noqa: F401  (registers runner, loops and safe loaders)
from semiseg_mm.errors import UserError
from semiseg_mm.models.named_network import named_network
from semiseg_mm.models.segmentors.loading import PREFIX
from semiseg_mm.utils import nearest
from semiseg_mm.utils.places import config_path
from semiseg_mm.utils.signals import Stopped, stoppable, stopped_by

from .bands import use_bands
from .options import apply_options
from .reading import read_config
from .values import check_values

FREE = 'free some space, then go on'
WRITABLE = 'correct the permissions, or choose another place (--work-dir)'
MIXED_UP = 'there is a file where a folder should be, or a folder for a file: choose another place'
ADVICE = {
    errno.ENOSPC: FREE,
    errno.EDQUOT: FREE,
    errno.EROFS: WRITABLE,
    errno.EACCES: WRITABLE,
    errno.EPERM: WRITABLE,
    errno.EEXIST: MIXED_UP,
    errno.ENOTDIR: MIXED_UP,
    errno.EISDIR: MIXED_UP,
    errno.ELOOP: 'links lead in a circle there: remove one of them',
    errno.ENAMETOOLONG: 'choose a shorter name',
}


def guarded(run: Callable, args: argparse.Namespace) -> int:
    """Run a command; say an error that the user can mend in one sentence.

    All other errors keep their traceback. Returns the exit status.
    """
    os.environ.setdefault('LOCAL_RANK', str(getattr(args, 'local_rank', 0)))
    logging.raiseExceptions = False  # a log that cannot be written (full disk) keeps quiet
    try:
        with stoppable():
            run(args)
            if is_distributed():
                _leave_together()
    except (UserError, FileNotFoundError) as error:
        # from a worker, torch sends the sentence at the end of a traceback
        kinds = 'UserError|BrokenImage|BrokenMask|BadMask|FileNotFoundError'
        sentence = re.split(rf'\n\S*(?:{kinds}): ', str(error))[-1].strip()
        print(f'\nerror: {sentence}', file=sys.stderr)
        return 1
    except OSError as error:
        advice = ADVICE.get(error.errno)
        if advice is None or (error.filename is None and advice != FREE):
            raise  # not of files
        where = f' ({error.filename})' if error.filename else ''
        print(f'\nerror: {error.strerror}{where}: {advice}.', file=sys.stderr)
        return 1
    except BaseException as error:
        stopped = stopped_by(error)
        if stopped is None:
            raise
        return _stop(stopped, args)
    return 0


def _leave_together() -> None:
    """End this process when all others are done."""
    barrier()
    _leave(0)


def _leave(code: int) -> None:
    """End this process without destructors.

    On CPU, gloo's threads may still run then, and would end a process that has done its work with
    "terminate called".
    """
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def _stop(stopped: Stopped, args: argparse.Namespace) -> int:
    """Say what was saved and how to go on; 130 after Ctrl-C, 143 after SIGTERM."""
    words = ['Stopped.', stopped.done]
    if hasattr(args, 'resume'):
        how = '' if getattr(args, 'staged', False) else ' with --resume'
        words.append(f'The same command{how} goes on.')
    with contextlib.suppress(OSError):  # the terminal may be gone
        if is_main_process() or not stopped.done:
            print(f'\n{" ".join(filter(None, words))}', file=sys.stderr)
        if is_distributed():
            _leave(128 + stopped.number)
    return 128 + stopped.number


def load_config(
    path: str, options: dict | None = None, also: Iterable[str] = (), amp: str | None = None
) -> Config:
    """Read a config, with overrides that something reads.

    Args:
        also: Names at the top of the config that the caller itself reads.
        amp: Train in mixed precision, float16 or bfloat16, whose options are others.
    """
    cfg = read_config(config_path(path))
    _drop_scope(cfg._cfg_dict)
    _name_networks(cfg)
    init_default_scope(cfg.get('default_scope', 'semiseg_mm'))
    if amp:
        _use_amp(cfg, amp)
    apply_options(cfg, options or {}, also=also)
    use_bands(cfg)
    check_values(cfg)
    return cfg


def _drop_scope(value: Any) -> None:
    """Remove the mark that mmengine leaves in what comes from a base ``semiseg_mm::…``.

    It is the default scope, and not all parts of a config are built by a registry, which takes it.
    """
    if isinstance(value, dict):
        if value.get('_scope_') == 'semiseg_mm':
            value.pop('_scope_')
        value = value.values()
    elif not isinstance(value, (list, tuple)):
        return
    for part in value:
        _drop_scope(part)


def _name_networks(cfg: Config) -> None:
    """Put configs in the place of the networks' names, so that options reach into them."""
    model = cfg.get('model') or {}
    named = model.get('segmentor')
    if isinstance(named, (list, tuple)):
        model.segmentor = [named_network(one) for one in named]
    elif named is not None:
        model.segmentor = named_network(named)


def _use_amp(cfg: Config, dtype: str) -> None:
    if dtype == 'float16' and not is_cuda_available():
        raise UserError('--amp needs a GPU: on CPU, leave it out or take --amp bfloat16.')
    kind = cfg.optim_wrapper.get('type', 'OptimWrapper')
    if kind not in ('OptimWrapper', 'AmpOptimWrapper', 'Bfloat16OptimWrapper'):
        raise UserError(f'--amp replaces OptimWrapper, but the config uses {kind}.')
    if dtype == 'bfloat16':
        cfg.optim_wrapper.type = 'Bfloat16OptimWrapper'
        for scaling in ('loss_scale', 'dtype'):
            cfg.optim_wrapper.pop(scaling, None)
        return
    cfg.optim_wrapper.type = 'AmpOptimWrapper'
    cfg.optim_wrapper.setdefault('loss_scale', 'dynamic')


def choose_network(weights: dict, checkpoint: str, wanted: str | None) -> str:
    """Return the name of the wanted network of a checkpoint, or of its only one."""
    names = sorted({key.split('.')[1] for key in weights if key.startswith(PREFIX)})
    if not names:
        raise UserError(f'{checkpoint} holds no network of semiseg_mm: is it a plain one already?')
    if wanted is None and len(names) == 1:
        return names[0]
    if wanted not in names:
        near = nearest(wanted, names) if wanted else ''
        raise UserError(f'{checkpoint} has {", ".join(names)}: choose one with --network.{near}')
    return wanted
