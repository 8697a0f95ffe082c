from mmengine.config import Config
from mmengine.runner import Runner

from semiseg_mm.errors import UserError
from semiseg_mm.registry import RUNNERS


def build_runner(cfg: Config) -> Runner:
    """Build the runner that a config names, by default SemiRunner."""
    if cfg.get('stages') and cfg.get('runner_type') in (None, 'Runner', 'SemiRunner'):
        raise UserError(
            'The config has stages, but its runner trains once: take '
            "'_base_/staged_runtime.py' in the place of default_runtime.py in _base_ (or set "
            "runner_type='StagedRunner')."
        )
    return RUNNERS.get(cfg.get('runner_type', 'SemiRunner')).from_cfg(cfg)
