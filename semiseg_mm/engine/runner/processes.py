from datetime import timedelta

import torch.distributed as torch_dist
from mmengine.device import get_device
from mmengine.dist import init_dist, is_distributed

from semiseg_mm.errors import UserError


def join_processes(launcher: str, env_cfg: dict) -> None:
    """Start the process group that a launcher asks for, if it is not there: on CPU with gloo."""
    if launcher == 'none' or is_distributed():
        return
    if get_device() != 'cpu':
        init_dist(launcher, **env_cfg.get('dist_cfg', {}))
        return
    if launcher != 'pytorch':
        raise UserError(
            f"launcher='{launcher}' needs GPUs; on CPU: torchrun --nproc-per-node=N -m semiseg_mm "
            'train CONFIG --launcher pytorch.'
        )
    seconds = env_cfg.get('dist_cfg', {}).get('timeout', 1800)
    torch_dist.init_process_group(backend='gloo', timeout=timedelta(seconds=seconds))
