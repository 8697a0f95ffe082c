"""Which checkpoint a training goes on from, and what it says of the others."""

import os
import re

import pytest
import torch
from torch import nn

from semiseg_mm.engine.resuming import newest_resumable, obstacle

KNOWN = dict(data={}, seed=1, world_size=1, batch=[4], max_iters=9)


def checkpoint(step, model, **meta):
    return dict(
        state_dict=model.state_dict(),
        optimizer={},
        message_hub={},
        meta=dict(iter=step, epoch=0, semiseg_mm=KNOWN, **meta),
    )


@pytest.fixture
def model():
    return nn.Linear(2, 3)


def test_the_newest_one_that_fits_is_found(tmp_path, model):
    """By number, not by name; all others are passed over with a reason."""
    for step in (9, 10):
        torch.save(checkpoint(step, model), tmp_path / f'iter_{step}.pth')
    whole = (tmp_path / 'iter_10.pth').read_bytes()
    (tmp_path / 'iter_11.pth').write_bytes(whole[: len(whole) // 2])
    (tmp_path / 'iter_12.pth').write_bytes(b'')
    torch.save([1, 2], tmp_path / 'iter_13.pth')
    (tmp_path / 'iter_14.pth').mkdir()
    os.symlink(tmp_path / 'gone', tmp_path / 'iter_15.pth')
    os.symlink('iter_16.pth', tmp_path / 'iter_16.pth')
    torch.save(dict(state_dict={}, meta=dict(iter=17)), tmp_path / 'iter_17.pth')
    torch.save(checkpoint(18, nn.Linear(2, 4)), tmp_path / 'iter_18.pth')
    torch.save(checkpoint(19, nn.BatchNorm1d(3)), tmp_path / 'iter_19.pth')
    expected = 12 + 7
    if hasattr(os, 'mkfifo'):
        os.mkfifo(tmp_path / 'iter_20.pth')
        expected += 1
    (tmp_path / '.iter_99.pth.part').write_bytes(whole)
    (tmp_path / 'best_student_mIoU.pth').write_bytes(whole)
    path, skipped = newest_resumable(str(tmp_path), model)
    assert path == str(tmp_path / 'iter_10.pth')
    reasons = {int(os.path.basename(bad)[5:-4]): reason for bad, reason in skipped}
    assert list(reasons) == [*range(expected, 10, -1)]
    assert 'damaged' in reasons[11] and 'damaged' in reasons[12] and 'no check' in reasons[13]
    assert all('does not exist' in reasons[step] for step in (14, 15, 16, expected) if step != 19)
    assert 'of a training: it has no message_hub, optimizer' in reasons[17]
    assert 'another network (weight is [4, 2] there and [3, 2] here, and 1 more' in reasons[18]
    assert 'another network (running_mean is unknown' in reasons[19] or 'weight is' in reasons[19]


def test_an_empty_folder_has_no_checkpoint(tmp_path, model):
    assert newest_resumable(str(tmp_path / 'absent'), model) == (None, [])


@pytest.mark.parametrize(
    ('changes', 'reason'),
    [
        (dict(iter='5'), 'no meta.iter'),
        (dict(epoch=None), 'no meta.epoch'),
        (dict(semiseg_mm=[]), 'no meta.semiseg_mm$'),
        (dict(semiseg_mm={}), r'no meta.semiseg_mm.data, meta.semiseg_mm.seed'),
    ],
)
def test_what_it_says_of_itself_must_be_whole(changes, reason, tmp_path, model):
    content = checkpoint(5, model)
    content['meta'].update(changes)
    torch.save(content, tmp_path / 'a.pth')
    assert re.search(reason, obstacle(str(tmp_path / 'a.pth'), model))
    content['meta'] = checkpoint(5, model)['meta']
    torch.save(content, tmp_path / 'b.pth')
    assert obstacle(str(tmp_path / 'b.pth'), model) is None
