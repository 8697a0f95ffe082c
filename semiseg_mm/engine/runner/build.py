from mmengine.config import Config
from mmengine.runner import Runner

from semiseg_mm.registry import RUNNERS


def build_runner(cfg: Config) -> Runner:
    """Build the runner that a config names, by default SemiRunner."""
    return RUNNERS.get(cfg.get('runner_type', 'SemiRunner')).from_cfg(cfg)
