"""Makes runs of configs and seeds, and writes the configs that they train."""

from collections.abc import Iterable, Mapping
from pathlib import Path

from mmengine.config import Config

from semiseg_mm.errors import UserError
from semiseg_mm.utils import atomic_write_text

from .run import Label, Run
from .settings import settings_of


def plan_runs(
    configs: Mapping[str, Config],
    about: Mapping[str, dict],
    seeds: Iterable[int],
    work_dir: Path,
    labels: Mapping[str, Label] = {},
) -> list[Run]:
    """Return all runs; the configs that they train are written once all records agree with them.

    Args:
        configs: By the name of a method, which is that of its folder.
        about: What ``describe`` says of each.
        labels: What a method's runs are called, where one seed is all that there is.
    """
    _refuse_twins(configs, about)
    files = {name: work_dir / 'configs' / f'{name}.py' for name in configs}
    runs = [
        Run(name, seed, cfg, files[name], work_dir, about[name], labels.get(name))
        for seed in seeds
        for name, cfg in configs.items()
    ]
    (work_dir / 'configs').mkdir(exist_ok=True)
    for name, cfg in configs.items():
        _watched(cfg)
        atomic_write_text(str(files[name]), cfg.pretty_text)
    return runs


def _refuse_twins(configs: Mapping[str, Config], about: Mapping[str, dict]) -> None:
    same: dict[str, str] = {}
    for name, cfg in configs.items():
        settings = str(settings_of(cfg, 0, about[name]['images']))
        if settings in same:
            raise UserError(
                f'{same[settings]} and {name} come to the same training here: leave one of them '
                'out (what sets them apart may be in a leaf only).'
            )
        same[settings] = name


def _watched(cfg: Config) -> None:
    """Log and save often enough to follow a run, and to go on with it."""
    iters, hooks = int(cfg.train_cfg.max_iters), cfg.get('default_hooks') or {}
    if 'logger' in hooks:
        hooks.logger.interval = min(hooks.logger.get('interval', 10), max(1, iters // 100))
    if 'checkpoint' in hooks:
        step = cfg.optim_wrapper.get('accumulative_counts', 1)
        interval = min(hooks.checkpoint.get('interval', iters), max(1, iters // 10))
        hooks.checkpoint.interval = -(-interval // step) * step
