"""The commands train and test, and what all commands share."""

import argparse
import os.path as osp
from collections.abc import Callable
from typing import Any

from mmengine.config import Config
from mmengine.dist import is_main_process
from mmengine.runner import Runner
from mmseg.evaluation import IoUMetric

from semiseg_mm.engine.checkpoint import CheckpointLoader
from semiseg_mm.engine.restarts import goes_on_by_itself
from semiseg_mm.engine.rewriting import make_sup_only
from semiseg_mm.engine.runner import StagedRunner, build_runner
from semiseg_mm.engine.terminal import Terminal
from semiseg_mm.engine.train_plan import check_plan
from semiseg_mm.errors import UserError
from semiseg_mm.models import SemiSegmentor
from semiseg_mm.models.segmentors.loading import PREFIX
from semiseg_mm.models.sketch import sketch
from semiseg_mm.parsers import training
from semiseg_mm.registry import METRICS
from semiseg_mm.utils import check_choice
from semiseg_mm.utils.places import config_path

from .closing import closing
from .command import choose_network, guarded, load_config
from .hints import explain_missing_package, explain_shapes, explain_unexpected_key
from .trained_files import checkpoint_of
from .vis import add_backends


def run_train(argv: list[str] | None = None) -> int:
    return guarded(_train, training.train().parse_args(argv))


def run_test(argv: list[str] | None = None) -> int:
    return guarded(_test, training.test().parse_args(argv))


def _load(args: argparse.Namespace) -> Config:
    cfg = load_config(args.config, args.cfg_options, amp=getattr(args, 'amp', None))
    name = osp.splitext(osp.basename(config_path(args.config)))[0]
    cfg.work_dir = args.work_dir or cfg.get('work_dir') or osp.join('work_dirs', name)
    cfg.launcher = args.launcher
    Terminal.verbose = args.verbose
    return cfg


def _train(args: argparse.Namespace) -> None:
    cfg = _load(args)
    add_backends(cfg, args.vis)
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
    if not args.staged and (cfg.get('train_cfg') or {}).get('type') == 'SemiTrainLoop':
        check_plan(cfg)  # before anything is written; of stages each has its own
    runner = _explained(lambda: _trained(cfg), cfg)
    if is_main_process():
        runner.logger.info(closing(cfg.work_dir))


def _trained(cfg: Config) -> Runner | StagedRunner:
    runner = build_runner(cfg)
    runner.train()
    return runner


def _test(args: argparse.Namespace) -> None:
    cfg = _load(args)
    cfg.load_from = args.checkpoint = checkpoint_of(args.checkpoint)
    cfg.resume = False
    network = _judged(cfg, args)
    if network:
        cfg.test_cfg.network = network
    if args.out:
        cfg.test_cfg.out = args.out
        cfg.test_evaluator = _without_files(cfg.test_evaluator)
    _explained(lambda: build_runner(cfg).test(), cfg)


def _judged(cfg: Config, args: argparse.Namespace) -> str | None:
    """Return the one network that is tested; None: each that the method evaluates."""
    content = CheckpointLoader.load_checkpoint(args.checkpoint, 'cpu')  # it may be an address
    weights, meta = content.get('state_dict', content), content.get('meta') or {}
    if any(key.startswith(PREFIX) for key in weights):
        alone = args.network or args.out
        return choose_network(weights, args.checkpoint, args.network) if alone else None
    model = sketch(cfg.model)
    if not isinstance(model, SemiSegmentor):
        return args.network
    if args.network:
        check_choice('--network', args.network, model.evaluated)
        return args.network
    # all networks get the weights of a published one, so one of them tells all
    name = meta.get('network')
    return name if name in model.evaluated else model.predict_on


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


def _explained(run: Callable, cfg: Config) -> Any:
    try:
        return run()
    except (TypeError, ValueError, AssertionError, ImportError, RuntimeError) as error:
        sentence = explain_shapes(error) or explain_missing_package(error)
        if isinstance(error, TypeError):
            sentence = explain_unexpected_key(error, cfg._cfg_dict)
        if sentence is None:
            raise
        raise UserError(sentence) from error
