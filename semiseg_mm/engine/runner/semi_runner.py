import itertools
import os
import os.path as osp
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from mmengine.config import Config
from mmengine.device import get_device
from mmengine.dist import broadcast_object_list, is_main_process
from mmengine.hooks import Hook
from mmengine.logging import MessageHub, MMLogger
from mmengine.model import revert_sync_batchnorm
from mmengine.runner import Runner

from semiseg_mm.datasets.checks import check_paths
from semiseg_mm.engine.checkpoint import checkpoints, safe_load
from semiseg_mm.engine.execution import check_execution, lay_out, prepare_execution
from semiseg_mm.engine.hooks import EarlyEndHook, FiniteHook, StopHook
from semiseg_mm.engine.message_hub import LateMessageHub
from semiseg_mm.engine.resuming import newest_resumable, obstacle
from semiseg_mm.engine.terminal import opening, watch_terminal
from semiseg_mm.errors import UserError
from semiseg_mm.models import SemiSegmentor
from semiseg_mm.registry import RUNNERS
from semiseg_mm.utils import atomic_path, check_choice, unwrapped
from semiseg_mm.utils.lock import locked_run
from semiseg_mm.utils.signals import stoppable

from .loaders import build_loader, consistent
from .processes import join_processes


@RUNNERS.register_module()
class SemiRunner(Runner):
    """Run mmengine's runner so that it can be trusted with a long run.

    It saves atomically, resumes from the newest checkpoint that loads, never starts over or
    overwrites silently, stops at NaN, saves when a signal ends it, and runs several processes on
    CPU as well. Everything else is mmengine's.
    """

    _count = itertools.count()

    def __init__(self, *args, experiment_name: str | None = None, **kwargs) -> None:
        """Give the run a name of its own: two in one process and one second would share logs."""
        if experiment_name is None:
            work_dir = kwargs.get('work_dir', args[1] if len(args) > 1 else 'run')
            experiment_name = f'{osp.basename(osp.normpath(work_dir))}-{next(self._count)}'
        for name in ('train_dataloader', 'val_dataloader', 'test_dataloader'):
            if isinstance(kwargs.get(name), dict):
                kwargs[name] = consistent(kwargs[name])
        super().__init__(*args, experiment_name=experiment_name, **kwargs)
        self._terminal.building = False

    def build_logger(self, *args, **kwargs) -> MMLogger:
        """Keep the settings that mmengine logs at building out of the terminal."""
        logger = super().build_logger(*args, **kwargs)
        self._terminal = watch_terminal(logger)
        return logger

    # ------------------------------------------------------------------ several processes on CPU

    def setup_env(self, env_cfg: dict) -> None:
        join_processes(self.launcher, env_cfg)
        super().setup_env(env_cfg)

    def wrap_model(self, model_wrapper_cfg: dict | None, model: torch.nn.Module):
        lay_out(model, self.cfg)
        if self.distributed and get_device() == 'cpu':
            model = revert_sync_batchnorm(model)  # SyncBN has no CPU kernel
            model_wrapper_cfg = {
                'type': 'MMDistributedDataParallel',
                'broadcast_buffers': False,
                'find_unused_parameters': self.cfg.get('find_unused_parameters', False),
                **(model_wrapper_cfg or {}),
                'device_ids': None,
            }
        return super().wrap_model(model_wrapper_cfg, model)

    @staticmethod
    def build_dataloader(dataloader, seed=None, diff_rank_seed=False):
        """Build a dataloader, whose dataset may be remote."""
        return build_loader(dataloader, seed, diff_rank_seed)

    def build_message_hub(self, message_hub: dict | None = None) -> MessageHub:
        """Take a hub that does not wait for the device; mmengine's parts find it as theirs."""
        name = self._experiment_name
        MessageHub._instance_dict.setdefault(name, LateMessageHub(name))
        return super().build_message_hub(message_hub)

    def register_default_hooks(self, hooks: dict | None = None) -> None:
        """Add the hook that warns, unless the config sets it to None."""
        hooks = dict(hooks or {})
        watch = hooks.pop('watch', {})
        super().register_default_hooks(hooks)
        if watch is not None:
            self.register_hook(watch if isinstance(watch, Hook) else {'type': 'WatchHook', **watch})

    def register_hooks(self, *args, **kwargs) -> None:
        """Add the hooks that every training has, whether or not the config names them."""
        super().register_hooks(*args, **kwargs)
        for kind in (FiniteHook, EarlyEndHook, StopHook):
            if not any(isinstance(hook, kind) for hook in self.hooks):
                self.register_hook(kind())

    # ------------------------------------------------------------------ how it is executed

    def set_randomness(
        self, seed: int | None, diff_rank_seed: bool = False, deterministic: bool | str = False
    ) -> None:
        """Take 'warn' as well: what a GPU cannot do in the same way twice is done then."""
        check_choice('randomness.deterministic', deterministic, (True, False, 'warn'))
        if deterministic:  # read when cuBLAS starts, which otherwise refuses
            os.environ.setdefault('CUBLAS_WORKSPACE_CONFIG', ':4096:8')
        super().set_randomness(seed, diff_rank_seed, bool(deterministic))
        if deterministic == 'warn':
            torch.use_deterministic_algorithms(True, warn_only=True)

    def _maybe_compile(self, target: str) -> None:
        """Do what the config says about execution, at the place where mmengine compiles."""
        model = unwrapped(self.model)
        if isinstance(model, SemiSegmentor):
            prepare_execution(model, self.cfg)
        else:
            super()._maybe_compile(target)

    # ------------------------------------------------------------------ start and resume

    def train(self) -> torch.nn.Module:
        """Train, while no other call trains in this work dir."""
        with stoppable(), locked_run(self.work_dir):
            self._begin()
            super().dump_config()
            self.logger.info(opening(self, 'Training'))
            return super().train()

    def _begin(self) -> None:
        """Find out what to resume, and refuse what would mix with an earlier run."""
        self._check_paths('train_dataloader', 'val_dataloader')
        check_execution(unwrapped(self.model), self.cfg)
        if self._resume and self._load_from is None:
            found = self._find_checkpoint()
            self._resume = found is not None
            self._load_from = found or self.cfg.get('start_from')
        elif self._resume:
            self._check_resumable(self._load_from)
        elif not self._resume and (earlier := checkpoints(self.work_dir)):
            raise UserError(
                f'{self.work_dir} holds checkpoints of an earlier run, up to '
                f'{osp.basename(earlier[max(earlier)])}: add --resume to go on with it, or choose '
                'another --work-dir.'
            )
        if self._resume and self._randomness_cfg.get('seed') is None:
            # the stream is built before the checkpoint is loaded, so the seed must be known now
            self._randomness_cfg.update(seed=safe_load(self._load_from)['meta']['seed'])
            self.set_randomness(**self._randomness_cfg)

    def dump_config(self) -> None:
        """Leave the config unwritten at building: the work dir may be another training's."""

    def val(self) -> dict:
        self._check_paths('val_dataloader')
        super().dump_config()
        self.logger.info(opening(self, 'Validating'))
        return super().val()

    def test(self) -> dict:
        self._check_paths('test_dataloader')
        super().dump_config()
        self.logger.info(opening(self, 'Testing'))
        return super().test()

    def _check_paths(self, *names: str) -> None:
        for name in names:
            dataloader = getattr(self, f'_{name}')
            if isinstance(dataloader, dict) and isinstance(dataloader.get('dataset'), dict):
                check_paths(dataloader['dataset'], f'{name}.dataset')

    def _find_checkpoint(self) -> str | None:
        found = [None, []]
        if is_main_process():
            found = list(newest_resumable(self.work_dir, self.model))
        broadcast_object_list(found)
        path, skipped = found
        for bad, reason in skipped:
            self.logger.warning(f'Passed over {bad}: {reason}')
        if path is None and skipped:
            raise UserError(
                f'This run cannot go on from any of the {len(skipped)} checkpoints in '
                f'{self.work_dir} (the newest, {osp.basename(skipped[0][0])}: {skipped[0][1]}). '
                'Restore what changed, or move them away to start from scratch.'
            )
        if path is None:
            self.logger.warning(
                f'--resume: no checkpoint in {self.work_dir} yet: this run starts at iteration 0.'
            )
        return path

    def _check_resumable(self, path: str) -> None:
        """Refuse what does not fit, and a folder with later checkpoints.

        The next --resume would go back to the run that this one turns away from.
        """
        if reason := obstacle(path, self.model):
            raise UserError(f'This run cannot go on from {path}: {reason}.')
        step, found = safe_load(path)['meta']['iter'], checkpoints(self.work_dir)
        if found and max(found) > step:
            raise UserError(
                f'{self.work_dir} holds later checkpoints than {path}, up to '
                f'{osp.basename(found[max(found)])}: move them away, or choose another --work-dir.'
            )

    def resume(
        self, filename, resume_optimizer=True, resume_param_scheduler=True, map_location='cpu'
    ) -> None:
        """Load onto the CPU first: log histories stay there, weights are copied to the device."""
        super().resume(filename, resume_optimizer, resume_param_scheduler, map_location)

    def load_checkpoint(self, filename, map_location='cpu', strict=False, **kwargs):
        """Let weights of the own run fit exactly; foreign ones may fit in part, with a log."""
        strict = strict or self._resume
        checkpoint = super().load_checkpoint(filename, map_location, strict, **kwargs)
        checkpoint.get('meta', {}).pop('config', None)  # mmengine's resume would execute it
        return checkpoint

    # ------------------------------------------------------------------ saving

    def save_checkpoint(self, out_dir: str, filename: str, *args, **kwargs) -> None:
        if not is_main_process():
            return
        if '://' in out_dir:
            super().save_checkpoint(out_dir, filename, *args, **kwargs)
            return
        os.makedirs(out_dir, exist_ok=True)
        with atomic_path(osp.join(out_dir, filename)) as part, plain_layout(self.cfg):
            super().save_checkpoint(out_dir, osp.basename(part), *args, **kwargs)


@contextmanager
def plain_layout(cfg: Config) -> Iterator[None]:
    """Leave a config's text as it is: a checkpoint holds it, and its layout takes 0.2 s a save.

    An interruption would look like a config that cannot be read, as mmengine catches everything
    while it lays out.
    """
    before = cfg._format_python_code
    object.__setattr__(cfg, '_format_python_code', False)
    try:
        yield
    finally:
        object.__setattr__(cfg, '_format_python_code', before)
