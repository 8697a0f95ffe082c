import json

import pytest
import torch
from torch.optim import SGD

from semiseg_mm.datasets.transforms import ScaleCrop
from semiseg_mm.engine.checkpoint import safe_load
from semiseg_mm.engine.runner import build_runner
from semiseg_mm.errors import UserError
from semiseg_mm.registry import OPTIMIZERS
from semiseg_mm.testing import toy_config

HOOK = dict(type='CropSizeSchedulerHook', schedule='coarse2fine', sizes=[8, 12, 16])


def config(work_dir, hook=HOOK, **extra):
    return toy_config(work_dir, dict(type='CPSSegmentor'), custom_hooks=[hook], **extra)


def sizes_in_scalars(work_dir) -> list[tuple[int, int]]:
    files = sorted(work_dir.glob('*/vis_data/scalars.json'))
    rows = [json.loads(line) for file in files for line in file.read_text().splitlines()]
    return [(row['step'], int(row['crop_size'])) for row in rows if 'crop_size' in row]


@pytest.mark.parametrize('workers', [0, 2])
def test_batches_follow_the_schedule_whatever_the_workers(workers, tmp_path):
    """6 iterations, three sizes; the hook itself checks every batch."""
    logger = {'default_hooks.logger.interval': 1, 'default_hooks.logger.type': 'LoggerHook'}
    build_runner(config(tmp_path, workers=workers, **logger)).train()
    per_iteration = dict(sizes_in_scalars(tmp_path))
    assert set(per_iteration.values()) <= {8, 10, 12, 14, 16}  # logged as running means
    assert per_iteration[1] == 8


def test_resumed_in_the_middle_of_a_sweep_it_ends_with_the_same_weights(tmp_path):
    """And without the workers that it began with."""
    whole, rest = tmp_path / 'whole', tmp_path / 'rest'
    build_runner(config(whole, workers=2)).train()
    rest.mkdir()
    (rest / 'iter_3.pth').write_bytes((whole / 'iter_3.pth').read_bytes())
    build_runner(config(rest, resume=True)).train()
    a, b = (safe_load(folder / 'iter_6.pth')['state_dict'] for folder in (whole, rest))
    assert all(torch.equal(a[key], b[key]) for key in a)


def test_the_request_carries_the_size(tmp_path):
    """Every place of a batch, for any process."""
    runner = build_runner(config(tmp_path))
    runner.train()
    sampler = runner.train_dataloader.sampler
    for iteration, size in ((0, 8), (1, 8), (2, 12), (4, 16), (99, 16)):
        batch = [sampler.at(iteration * sampler.batch_size + k) for k in range(4)]
        assert {request.crop_size for request in batch} == {(size, size)}


def test_a_batch_of_another_size_stops_the_run(tmp_path, monkeypatch):
    """A pipeline that pads small crops back up would undo the schedule in silence."""
    transform = ScaleCrop.transform

    def pads(self, results):
        return transform(self, dict(results, crop_size=(16, 16)))

    monkeypatch.setattr(ScaleCrop, 'transform', pads)
    with pytest.raises(
        UserError, match=r'iteration 0 is \[\(16, 16\)\], the schedule says \(8, 8\)'
    ):
        build_runner(config(tmp_path)).train()


def test_an_explicit_list_must_end_with_the_training(tmp_path):
    hook = dict(type='CropSizeSchedulerHook', phases=[(2, 8), (5, 16)])
    with pytest.raises(UserError, match='ends at 5, the training at 6'):
        build_runner(config(tmp_path, hook)).train()


def test_sizes_or_phases_are_needed():
    from semiseg_mm.engine import CropSizeSchedulerHook

    with pytest.raises(UserError, match='sizes'):
        CropSizeSchedulerHook()


# ------------------------------------------------------------------ batches that grow

GROWING = dict(HOOK, grow_batch=True)  # 8, 8, 12, 12, 16, 16: batches x 4, 4, 1, 1, 1, 1
EXPLICIT = dict(type='CropSizeSchedulerHook', phases=[(1, 8, 3), (4, 12, 2), (6, 16)])


class RecordingSGD(SGD):
    """Keeps the rates that its steps are made with."""

    seen: list = []

    def step(self, closure=None):
        self.seen.append(self.param_groups[0]['lr'])
        return super().step(closure)


@pytest.fixture
def rates():
    """The parent's step carries hooks too, once there was an object of it."""
    SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
    OPTIMIZERS.register_module(module=RecordingSGD, force=True)
    RecordingSGD.seen = []
    yield RecordingSGD.seen
    OPTIMIZERS.module_dict.pop('RecordingSGD')


def with_rates(work_dir, hook, **extra):
    extra['optim_wrapper.optimizer'] = dict(type='RecordingSGD', lr=0.01, momentum=0.9)
    return config(work_dir, hook, **extra)


def images_of(runner) -> list[tuple[int, int]]:
    """Record (labeled, unlabeled) images of every batch."""
    seen, model = [], runner.model
    original = model.train_step

    def train_step(data, optim_wrapper):
        seen.append((len(data['inputs']['labeled']), len(data['inputs']['weak'])))
        return original(data, optim_wrapper)

    model.train_step = train_step
    return seen


@pytest.mark.parametrize('workers', [0, 2])
@pytest.mark.parametrize(
    ('hook', 'times'), [(GROWING, [4, 4, 1, 1, 1, 1]), (EXPLICIT, [3, 2, 2, 2, 1, 1])]
)
def test_batches_grow_whatever_the_workers(hook, times, workers, tmp_path):
    runner = build_runner(config(tmp_path, hook, workers=workers))
    seen = images_of(runner)
    runner.train()
    assert seen == [(2 * n, 2 * n) for n in times]


def test_the_factor_is_logged(tmp_path):
    logger = {'default_hooks.logger.interval': 1, 'default_hooks.logger.type': 'LoggerHook'}
    runner = build_runner(config(tmp_path, EXPLICIT, **logger))
    runner.train()
    history, _ = runner.message_hub.get_scalar('train/batch_factor').data
    assert history.tolist() == [3, 2, 2, 2, 1, 1]
    scalars = tmp_path / runner.timestamp / 'vis_data/scalars.json'
    assert 'batch_factor' in scalars.read_text()


def test_without_growth_no_factor_is_logged(tmp_path):
    runner = build_runner(config(tmp_path))
    runner.train()
    assert 'train/batch_factor' not in runner.message_hub.log_scalars


def test_resumed_with_grown_batches_it_ends_with_the_same_weights(tmp_path):
    """Within the second phase, whose batch is twice as large, and with workers from then on."""
    whole, rest = tmp_path / 'whole', tmp_path / 'rest'
    build_runner(config(whole, EXPLICIT)).train()
    rest.mkdir()
    (rest / 'iter_3.pth').write_bytes((whole / 'iter_3.pth').read_bytes())
    build_runner(config(rest, EXPLICIT, workers=2, resume=True)).train()
    a, b = (safe_load(folder / 'iter_6.pth')['state_dict'] for folder in (whole, rest))
    assert all(torch.equal(a[key], b[key]) for key in a)


def test_steps_are_made_with_the_rate_times_the_factor(tmp_path, rates):
    """PolyLR from 0.01 at the first to 0 at the sixth, power 0.9; factors 3, 2, 2, 2, 1, 1."""
    build_runner(with_rates(tmp_path, EXPLICIT)).train()
    plain = [0.01 * (1 - k / 5) ** 0.9 for k in range(6)]
    assert rates == pytest.approx([n * r for n, r in zip([3, 2, 2, 2, 1, 1], plain)])


def test_the_schedule_of_the_rate_is_left_as_it_is(tmp_path, rates):
    """In the optimizer, in the schedulers and in checkpoints: as in a run without growth."""
    plain = dict(EXPLICIT, phases=[(6, 16)])
    states = []
    for name, hook in (('plain', plain), ('growing', EXPLICIT)):
        runner = build_runner(with_rates(tmp_path / name, hook))
        runner.train()
        for step in (3, 6):
            loaded = safe_load(tmp_path / name / f'iter_{step}.pth')
            groups = [group['lr'] for group in loaded['optimizer']['param_groups']]
            states.append((groups, loaded['param_schedulers']))
        history, _ = runner.message_hub.get_scalar('train/lr').data
        states.append(history.tolist())
    assert states[:3] == states[3:]


def test_resuming_keeps_the_rates(tmp_path, rates):
    build_runner(with_rates(tmp_path, EXPLICIT)).train()
    whole = rates[:]
    (tmp_path / 'iter_6.pth').unlink()
    build_runner(with_rates(tmp_path, EXPLICIT, resume=True)).train()
    assert rates == whole + whole[3:]


def test_the_rate_may_stay(tmp_path, rates):
    build_runner(with_rates(tmp_path, dict(EXPLICIT, scale_lr=False))).train()
    assert rates == pytest.approx([0.01 * (1 - k / 5) ** 0.9 for k in range(6)])


def test_growth_needs_the_loop_that_builds_the_batches(tmp_path):
    loop = {'train_cfg': dict(_delete_=True, type='IterBasedTrainLoop', max_iters=6)}
    with pytest.raises(UserError, match='SemiTrainLoop'):
        build_runner(config(tmp_path, GROWING, **loop)).train()


def test_resuming_with_another_schedule_stops(tmp_path):
    build_runner(config(tmp_path, EXPLICIT)).train()
    (tmp_path / 'iter_6.pth').unlink()
    with pytest.raises(
        UserError, match=r'crop_schedule was to 1: 8x8, batch x 3; .* it is to 2: 8x8'
    ):
        build_runner(config(tmp_path, GROWING, resume=True)).train()
