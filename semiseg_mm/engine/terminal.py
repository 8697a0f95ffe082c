"""Keeps the terminal short: settings and remarks of other packages go to the log file alone."""

import logging

import torch
from mmengine.device import get_device, is_cuda_available
from mmengine.logging import MMLogger
from mmengine.model import is_model_wrapper

from semiseg_mm.models import SemiSegmentor
from semiseg_mm.utils.places import short_path

# Remarks of mmengine that no user can act on
NOISE = (
    'The prefix is not set in metric class',
    '"FileClient" will be deprecated',
    '"HardDiskBackend" is the alias',
    'Please make sure that the mlflow server is running',  # also where none is needed
)


class Terminal(logging.Filter):
    """Hold back from the terminal what is of use in the log file only.

    This is mmengine's remarks in ``NOISE``, and all that is only informative while ``building``
    lasts: the environment, the config, the tables of hooks. Warnings are shown.
    """

    verbose = False  # of the whole process: show everything

    def __init__(self) -> None:
        super().__init__()
        self.building = True

    def filter(self, record: logging.LogRecord) -> bool:
        if self.verbose:
            return True
        if record.levelno < logging.WARNING:
            return not self.building
        return not str(record.msg).startswith(NOISE)


def watch_terminal(logger: MMLogger) -> Terminal:
    """Put a filter before what a logger shows on the terminal; its file keeps everything."""
    terminal = Terminal()
    for handler in logger.handlers:
        if not isinstance(handler, logging.FileHandler):
            for old in [one for one in handler.filters if isinstance(one, Terminal)]:
                handler.removeFilter(old)
            handler.addFilter(terminal)
    return terminal


# ------------------------------------------------------------------ what is said instead


def opening(runner, verb: str) -> str:
    """Return what a run is about, a fact in each line."""
    model = runner.model.module if is_model_wrapper(runner.model) else runner.model
    config, log = runner.cfg.filename, runner.logger.log_file
    rows = dict(
        config=short_path(config) if config else '',
        network=_networks(model),
        start=_start(runner),
        batch=_batch(runner) if verb == 'Training' else '',
        device=f'{_device()}, {runner.world_size} process{"es" * (runner.world_size > 1)}',
        seed=str(runner.seed),
        log=f'{short_path(log)} (all settings; --verbose shows them here)' if log else '',
    )
    files = f' ({", ".join(_files(runner))})' if verb == 'Training' else ''
    rows['work dir'] = f'{short_path(runner.work_dir)}{files}'
    lines = [f'    {name:<9}{text}' for name, text in rows.items() if text]
    return '\n'.join([f'{verb} {type(model).__name__}', *lines])


def _networks(model: torch.nn.Module) -> str:
    networks = dict(model.networks) if isinstance(model, SemiSegmentor) else {'': model}
    kinds: dict[str, list[str]] = {}
    for name, network in networks.items():
        parts = [getattr(network, part, None) for part in ('backbone', 'decode_head')]
        kind = ' + '.join(type(part).__name__ for part in parts if part is not None)
        weights = sum(weight.numel() for weight in network.parameters()) / 1e6
        kinds.setdefault(f'{kind or type(network).__name__}, {weights:.1f}M weights', []).append(
            name
        )
    return '; '.join(f'{", ".join(names)}: {kind}' for kind, names in kinds.items()).lstrip(': ')


def _start(runner) -> str:
    if not runner._load_from:
        return 'new weights'
    return f'{"goes on from " * bool(runner._resume)}{short_path(runner._load_from)}'


def _batch(runner) -> str:
    loader = runner._train_dataloader
    if not isinstance(loader, dict):
        return ''
    layout, size = loader.get('sampler') or {}, loader.get('batch_size')
    if 'labeled' not in layout:
        return f'{size} images a process'
    unlabeled = 0 if layout.get('labeled_only') else layout.get('unlabeled', 0)
    return f'{layout["labeled"]} labeled + {unlabeled} unlabeled images a process'


def _device() -> str:
    if is_cuda_available():
        return torch.cuda.get_device_name()
    threads = torch.get_num_threads()
    return f'{get_device()} ({threads} thread{"s" * (threads > 1)})'


def _files(runner) -> list[str]:
    """Return the names that the hooks write into the work dir."""
    return [name for hook in runner.hooks for name in [getattr(hook, 'writes', '')] if name]
