import json
import time
from pathlib import Path
from types import SimpleNamespace
from unittest.mock import Mock

import pytest
from mmengine.hooks import Hook

from semiseg_mm.engine import facts
from semiseg_mm.engine.runner import build_runner
from semiseg_mm.registry import HOOKS
from semiseg_mm.testing import toy_config


@HOOKS.register_module()
class Slow(Hook):
    """Takes its time, before an iteration's images are asked for or while it computes."""

    priority = 'LOWEST'

    def __init__(self, where: str) -> None:
        self.where = where

    def before_train(self, runner) -> None:
        if self.where == 'data':
            batches = runner.train_loop._batches

            def slow():
                for batch in batches():
                    time.sleep(0.05)
                    yield batch

            runner.train_loop._batches = slow

    def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None) -> None:
        if self.where == 'saving':
            time.sleep(0.05)


def logged(folder, where) -> list[dict]:
    extra = {'custom_hooks': [dict(type='Slow', where=where)], 'default_hooks.logger.interval': 2}
    cfg = toy_config(folder, dict(type='SupOnly'), max_iters=4, **extra)
    for key in ('val_dataloader', 'val_cfg', 'val_evaluator'):
        cfg.pop(key)
    cfg.log_level = 'INFO'
    runner = build_runner(cfg)
    runner.train()
    lines = Path(runner.log_dir, 'vis_data/scalars.json').read_text().splitlines()
    return [json.loads(line) for line in lines]


@pytest.mark.parametrize('where', ['data', 'saving'])
def test_data_share_is_the_wait_for_batches_and_nothing_else(where, tmp_path):
    """Slow images have 0.05 s of each iteration; slow hooks (logs, checkpoints) are not data.

    Three of the four iterations come after a slow hook.
    """
    first, second = logged(tmp_path, where)
    for one in (first, second):
        assert one['data_share'] == pytest.approx(one['data_time'] / one['time'], rel=0.5)
        assert (one['data_time'] >= 0.05) == (where == 'data')
    assert second['time'] >= 0.0375 and 'busy_share' not in second


def test_accuracy_is_there_where_a_log_is_written(tmp_path):
    runner = build_runner(toy_config(tmp_path, dict(type='SupOnly'), max_iters=4))
    runner.train()
    history = runner.message_hub.log_scalars
    key = 'train/sup.decode.acc_seg'
    assert len(history['train/loss'].data[0]) == 4 and len(history[key].data[0]) == 2
    assert 0 <= history[key].current() <= 100


@HOOKS.register_module()
class Uses(Hook):
    """Takes ten, nine, … bytes of a GPU's memory in the iterations of a training."""

    priority = 'VERY_HIGH'
    most = 0  # since torch's count was set back

    def before_train_iter(self, runner, batch_idx, data_batch=None) -> None:
        Uses.most = max(Uses.most, 10 - runner.iter)


def test_gpu_memory_is_the_most_of_the_run_although_each_log_sets_the_count_back(
    tmp_path, monkeypatch
):
    def set_back(device) -> int:
        Uses.most = 0
        return 0

    gpu = SimpleNamespace(is_available=lambda: True, Event=Mock)
    monkeypatch.setattr(
        'semiseg_mm.engine.hooks.shares_timer_hook.torch', SimpleNamespace(cuda=gpu)
    )
    monkeypatch.setattr('torch.cuda.max_memory_allocated', lambda: Uses.most)
    monkeypatch.setattr('mmengine.runner.log_processor.is_cuda_available', lambda: True)
    monkeypatch.setattr('mmengine.runner.log_processor.get_max_cuda_memory', set_back)
    monkeypatch.setitem(facts._seen, 'bytes', 0)
    extra = {'custom_hooks': [dict(type='Uses')], 'default_hooks.logger.interval': 2}
    build_runner(toy_config(tmp_path, dict(type='SupOnly'), max_iters=6, **extra)).train()
    assert Uses.most < 10 and facts.note_gpu_memory() == 10
