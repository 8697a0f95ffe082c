"""The command lines of tools/train.py and tools/test.py."""

import argparse
import contextlib
import errno
import logging
import os
import os.path as osp
import re
import sys
from collections.abc import Callable, Iterable
from typing import Any

from mmengine.config import Config
from mmengine.dist import barrier, is_distributed, is_main_process
from mmengine.registry import init_default_scope
from mmseg.evaluation import IoUMetric

import semiseg_mm.engine  # noqa: F401  (registers runner, loops and safe loaders)
from semiseg_mm.engine.checkpoint import safe_load
from semiseg_mm.engine.restarts import goes_on_by_itself
from semiseg_mm.engine.rewriting import make_sup_only
from semiseg_mm.engine.runner import build_runner
from semiseg_mm.errors import UserError
from semiseg_mm.models.named_network import named_network
from semiseg_mm.models.segmentors.loading import PREFIX
from semiseg_mm.registry import METRICS
from semiseg_mm.utils import nearest
from semiseg_mm.utils.places import config_path
from semiseg_mm.utils.signals import Stopped, stoppable, stopped_by

from .bands import use_bands
from .hints import explain_shapes, explain_unexpected_key
from .option_words import OptionsAction
from .options import apply_options
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


def run_train(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description='Train a config.')
    _common_arguments(parser)
    parser.add_argument(
        '--resume',
        nargs='?',
        const='auto',
        metavar='CHECKPOINT',
        help='go on with the newest checkpoint in the work dir that loads, or with this one',
    )
    parser.add_argument(
        '--amp',
        nargs='?',
        const='float16',
        choices=['float16', 'bfloat16'],
        help='mixed precision, by default in float16 (needs a GPU); bfloat16 works on CPUs too',
    )
    parser.add_argument(
        '--auto-scale-lr',
        action='store_true',
        help="scale the learning rate to the actual batch, by the config's base_batch_size",
    )
    parser.add_argument(
        '--sup-only',
        action='store_true',
        help='train the yardstick: the same network, stream and schedule, labeled images only',
    )
    return guarded(_train, parser.parse_args(argv))


def run_test(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description='Evaluate a checkpoint.')
    _common_arguments(parser)
    parser.add_argument('checkpoint')
    parser.add_argument('--network', help='evaluate this network alone (student, teacher, …)')
    parser.add_argument(
        '--out', metavar='DIR', help='write the predictions there as PNG, named as the images are'
    )
    return guarded(_test, parser.parse_args(argv))


def _common_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument('config')
    parser.add_argument('--work-dir', help='where to write; default: work_dirs/<config name>')
    parser.add_argument(
        '--cfg-options',
        nargs='+',
        action=OptionsAction,
        metavar='KEY=VALUE',
        help="override the config, e.g. train_cfg.max_iters=1000 model.weight=2 key='[a,b]'",
    )
    parser.add_argument('--launcher', choices=['none', 'pytorch', 'slurm', 'mpi'], default='none')
    parser.add_argument(
        '--local-rank', '--local_rank', type=int, default=0, help='set by launchers'
    )


def guarded(run: Callable, args: argparse.Namespace) -> int:
    """An error that the user can mend is one sentence; all others keep their traceback."""
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
    cfg = Config.fromfile(config_path(path))
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


def _load(args: argparse.Namespace) -> Config:
    cfg = load_config(args.config, args.cfg_options, amp=getattr(args, 'amp', None))
    name = osp.splitext(osp.basename(config_path(args.config)))[0]
    cfg.work_dir = args.work_dir or cfg.get('work_dir') or osp.join('work_dirs', name)
    cfg.launcher = args.launcher
    return cfg


def _train(args: argparse.Namespace) -> None:
    cfg = _load(args)
    if args.sup_only:
        cfg = make_sup_only(cfg)
    if args.auto_scale_lr:
        if 'base_batch_size' not in cfg.get('auto_scale_lr', {}):
            raise UserError('--auto-scale-lr needs auto_scale_lr.base_batch_size in the config.')
        cfg.auto_scale_lr.enable = True
    args.staged = cfg.get('runner_type') == 'StagedRunner'
    if args.staged and args.resume not in (None, 'auto'):
        raise UserError(
            f'--resume {args.resume}: a config with stages goes on by itself, each stage from its '
            'own newest checkpoint. Leave the option out.'
        )
    if goes_on_by_itself(cfg.work_dir):
        args.resume = 'auto'
    if args.resume and not args.staged:
        cfg.resume = True
        # without a checkpoint to resume, the weights that the config starts from still count
        cfg.start_from = cfg.get('load_from')
        cfg.load_from = None if args.resume == 'auto' else args.resume
    _explained(lambda: build_runner(cfg).train(), cfg)


def _test(args: argparse.Namespace) -> None:
    cfg = _load(args)
    cfg.load_from = args.checkpoint
    cfg.resume = False
    if args.network or args.out:
        weights = safe_load(args.checkpoint)['state_dict']
        cfg.test_cfg.network = choose_network(weights, args.checkpoint, args.network)
    if args.out:
        cfg.test_cfg.out = args.out
        cfg.test_evaluator = _without_files(cfg.test_evaluator)
    _explained(lambda: build_runner(cfg).test(), cfg)


def _without_files(evaluator: dict | list) -> list:
    """Metrics alone: those on IoUMetric name files by the image alone, so the test loop writes.

    One with format_only=True does nothing else. (It wants a folder even then.)
    """
    kept = []
    for metric in evaluator if isinstance(evaluator, (list, tuple)) else [evaluator]:
        kind = metric['type']
        if issubclass(METRICS.get(kind) if isinstance(kind, str) else kind, IoUMetric):
            if metric.get('format_only'):
                continue
            metric = {key: value for key, value in metric.items() if key != 'output_dir'}
        kept.append(metric)
    return kept


def choose_network(weights: dict, checkpoint: str, wanted: str | None) -> str:
    """The wanted network of a checkpoint, or its only one."""
    names = sorted({key.split('.')[1] for key in weights if key.startswith(PREFIX)})
    if not names:
        raise UserError(f'{checkpoint} holds no network of semiseg_mm: is it a plain one already?')
    if wanted is None and len(names) == 1:
        return names[0]
    if wanted not in names:
        near = nearest(wanted, names) if wanted else ''
        raise UserError(f'{checkpoint} has {", ".join(names)}: choose one with --network.{near}')
    return wanted


def _explained(run: Callable, cfg: Config) -> None:
    try:
        run()
    except (TypeError, ValueError, AssertionError) as error:
        is_key = isinstance(error, TypeError)
        sentence = explain_shapes(error)
        if is_key:
            sentence = explain_unexpected_key(error, cfg._cfg_dict)
        if sentence is None:
            raise
        raise UserError(sentence) from error


def _use_amp(cfg: Config, dtype: str) -> None:
    from mmengine.device import is_cuda_available

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
