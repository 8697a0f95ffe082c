import json
import os.path as osp
import time
from numbers import Real

import torch
from mmengine.device import get_device, is_cuda_available
from mmengine.dist import is_main_process
from mmengine.hooks import Hook

from semiseg_mm.registry import HOOKS
from semiseg_mm.utils import atomic_write_text

EARLY = 'stopped_early'  # the iteration in which a hook ended the training
NOTES = (EARLY, 'skipped_steps')  # of message_hub, in the record if there is something to say


@HOOKS.register_module()
class ResultHook(Hook):
    """Write ``results.json``: for each network and metric the last value and the best, apart.

    ``per_class`` has the last IoU of each class, ``history`` all validations. The history is part
    of the checkpoint, so a resumed run reports what the whole run did.
    """

    priority = 'LOW'
    writes = 'results.json'

    def __init__(self) -> None:
        self._started: float | None = None
        self._before = 0.0  # seconds of the run that is resumed

    def before_train(self, runner) -> None:
        self._started = time.time()

    def before_save_checkpoint(self, runner, checkpoint: dict) -> None:
        checkpoint['message_hub']['runtime_info']['train_seconds'] = self._seconds()

    def after_load_checkpoint(self, runner, checkpoint: dict) -> None:
        info = checkpoint.get('message_hub', {}).get('runtime_info', {})
        self._before = info.get('train_seconds', 0.0) if runner._resume else 0.0

    def after_val_epoch(self, runner, metrics: dict | None = None) -> None:
        if not metrics or self._started is None:
            return
        history = list(runner.message_hub.runtime_info.get('evaluations', []))
        history = [entry for entry in history if entry[0] != runner.iter]
        numbers = {k: round(float(v), 4) for k, v in metrics.items() if isinstance(v, Real)}
        history.append([runner.iter, numbers])
        runner.message_hub.update_info('evaluations', history)
        self.write(runner)

    def write(self, runner) -> None:
        """Write what the run has come to."""
        if is_main_process():
            record = self._record(runner, runner.message_hub.runtime_info.get('evaluations', []))
            path = osp.join(runner.work_dir, self.writes)
            atomic_write_text(path, json.dumps(record, indent=2) + '\n')

    def _seconds(self) -> float:
        now = time.time()
        return round(self._before + now - (self._started or now), 1)

    def _record(self, runner, history: list) -> dict:
        networks: dict[str, dict] = {}
        for iteration, numbers in history:
            for key, value in numbers.items():
                network, metric = key.rsplit('/', 1) if '/' in key else ('model', key)
                row = networks.setdefault(network, {}).setdefault(metric, {})
                row.update(last=value, last_iter=iteration)
                if value > row.get('best', float('-inf')):
                    row.update(best=value, best_iter=iteration)
        config = runner.cfg.filename
        info = runner.message_hub.runtime_info
        return dict(
            config=osp.basename(config) if config else None,
            seed=runner.seed,
            iter=runner.iter,
            max_iters=runner.max_iters,
            **{key: info[key] for key in NOTES if info.get(key)},
            seconds=self._seconds(),
            networks=networks,
            per_class=info.get('per_class', {}),
            history=[dict(iter=iteration, **numbers) for iteration, numbers in history],
            device=_device_name(),
            threads=torch.get_num_threads(),
        )


def is_finished(record: dict) -> bool:
    """Return whether a ``results.json`` is that of a run that came to its end."""
    done = record.get('iter')
    whole = done is not None and done in (record.get('max_iters'), record.get(EARLY))
    return bool(record.get('networks')) and whole


def _device_name() -> str:
    return torch.cuda.get_device_name() if is_cuda_available() else get_device()
