import json

import pytest
import torch

from semiseg_mm.apis.cli import build_runner
from semiseg_mm.datasets.transforms import ScaleCrop
from semiseg_mm.engine.checkpoint import safe_load
from semiseg_mm.errors import UserError
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
