"""Two gloo processes, forked from this one, end with equal weights, banks and optimizers."""

import hashlib
import multiprocessing
import os
import socket
from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from torch.nn.modules.batchnorm import _NormBase

from semiseg_mm.engine.checkpoint import safe_load
from semiseg_mm.engine.runner import build_runner
from semiseg_mm.registry import MODELS
from semiseg_mm.testing import toy_config, toy_network
from semiseg_mm.utils import gather_rows

METHODS = Path(__file__).parents[2] / 'configs/_base_/methods'
TRIED = ('adv_sem_seg', 'ael', 'corrmatch', 'dcc', 'prevmatch', 'u2pl')  # two optimizers; state


def config(name: str, folder: Path) -> Config:
    method = Config.fromfile(METHODS / f'{name}.py')
    extra = {}
    if method.get('optimizer_parts'):
        extra['optim_wrapper.constructor'] = 'PartwiseConstructor'
        extra['optim_wrapper.paramwise_cfg'] = dict(parts=method.optimizer_parts)
    for key, value in method.get('sampler_options', {}).items():
        extra[f'train_dataloader.sampler.{key}'] = value
    cfg = toy_config(
        folder,
        dict(method.model),
        custom_hooks=method.get('custom_hooks', []),
        launcher='pytorch',
        **{'train_cfg.val_interval': 6, **extra},
    )
    return cfg


def digest(value) -> str:
    found = hashlib.sha256()

    def feed(item):
        if isinstance(item, torch.Tensor):
            found.update(item.detach().contiguous().numpy().tobytes())
        elif isinstance(item, dict):
            for key in sorted(item, key=str):
                found.update(str(key).encode())
                feed(item[key])
        elif isinstance(item, (list, tuple)):
            for one in item:
                feed(one)
        else:
            found.update(repr(item).encode())

    feed(value)
    return found.hexdigest()


def train(name: str, folder: Path, rank: int, port: int) -> None:
    os.environ.update(RANK=str(rank), LOCAL_RANK=str(rank), WORLD_SIZE='2')
    os.environ.update(MASTER_ADDR='127.0.0.1', MASTER_PORT=str(port))
    for number in (1, 2):
        os.dup2(os.open(folder / f'log_{rank}', os.O_WRONLY | os.O_CREAT | os.O_APPEND), number)
    runner = build_runner(config(name, folder / 'run'))
    runner.train()
    state = dict(model=runner.model.state_dict(), optimizer=runner.optim_wrapper.state_dict())
    (folder / f'state_{rank}').write_text(digest(state))
    torch.distributed.barrier()
    os._exit(0)


def states_of(name: str) -> dict[str, str]:
    """Return where a method remembers something beside weights and norms, and of which kind."""
    model = MODELS.build(
        dict(Config.fromfile(METHODS / f'{name}.py').model, segmentor=toy_network(7))
    )
    stored = {key.rpartition('.')[0] for key in model.state_dict()} - {''}
    return {
        key: type(module).__name__
        for key, module in model.named_modules()
        if key in stored and [*module.buffers(recurse=False)]
        if not isinstance(module, _NormBase)
    }


def test_each_kind_of_state_is_tried():
    kinds = {
        name: {*states_of(name).values()} for name in (path.stem for path in METHODS.glob('*.py'))
    }
    tried = set().union(*(kinds[name] for name in TRIED))
    assert {name: own - tried for name, own in kinds.items() if own - tried} == {}


@pytest.mark.parametrize('name', TRIED)
def test_two_processes_end_equal(name, tmp_path):
    with socket.socket() as free:
        free.bind(('127.0.0.1', 0))
        port = free.getsockname()[1]
    fork = multiprocessing.get_context('fork')
    both = [fork.Process(target=train, args=(name, tmp_path, rank, port)) for rank in (0, 1)]
    for process in both:
        process.start()
    for process in both:
        process.join(120)
    logs = '\n'.join((tmp_path / f'log_{rank}').read_text()[-2000:] for rank in (0, 1))
    assert [process.exitcode for process in both] == [0, 0], logs
    states = [(tmp_path / f'state_{rank}').read_text() for rank in (0, 1)]
    assert states[0] == states[1]
    first, last = (safe_load(tmp_path / f'run/iter_{step}.pth') for step in (3, 6))
    moved = {
        key
        for key, value in last['state_dict'].items()
        if value.shape != first['state_dict'].get(key, value).shape
        or not torch.equal(value, first['state_dict'][key])
    }
    for part in ('networks', *states_of(name)):
        assert any(key.startswith(f'{part}.') for key in moved), part


def test_rows_of_all_processes_are_gathered_though_their_numbers_differ(monkeypatch):
    """This one has a row, the other one two."""
    others = dict(int64=torch.tensor([2]), float32=torch.tensor([[5.0], [6.0]]))
    monkeypatch.setattr('semiseg_mm.utils.gather.get_world_size', lambda: 2)
    monkeypatch.setattr(
        'semiseg_mm.utils.gather.all_gather', lambda x: [x, others[str(x.dtype).split('.')[1]]]
    )
    assert gather_rows(torch.tensor([[1.0]])).flatten().tolist() == [1, 5, 6]
