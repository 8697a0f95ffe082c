import numpy as np
import pytest
import torch
from mmengine.logging import MessageHub

from semiseg_mm.engine.message_hub import MOST, LateMessageHub
from semiseg_mm.testing.waits import Waits

LOGS = [
    {'train/loss': torch.tensor(k / 3), 'train/lr': 0.1 / (k + 1), 'train/size': 8 * k}
    for k in range(5)
]


def filled(kind, name):
    hub = kind(name)
    for logs in LOGS:
        for key, value in logs.items():
            hub.update_scalar(key, value)
        hub.get_scalar('train/lr')  # as a timer does: it reads what it has just written
    return hub


def test_histories_are_those_of_mmengine():
    """Values, counts and types, in whatever way they are read: the checkpoint is the same."""
    own, other = (filled(kind, 'a hub') for kind in (LateMessageHub, MessageHub))
    for one, two in (
        (own.state_dict()['log_scalars'], other.state_dict()['log_scalars']),
        (own.log_scalars, other.log_scalars),
        ({key: own.get_scalar(key) for key in LOGS[0]}, other.log_scalars),
    ):
        assert list(one) == list(two) == list(LOGS[0])
        for key in one:
            for a, b in zip(one[key].data, two[key].data, strict=True):
                assert a.dtype == b.dtype and np.array_equal(a, b), key
    assert own.state_dict()['resumed_keys'] == other.state_dict()['resumed_keys']


def test_nothing_is_fetched_before_it_is_read_and_then_all_at_once():
    weights = torch.nn.Linear(1, 1)
    with Waits(weights) as found:
        hub = LateMessageHub('another hub')
        for step in range(4):
            for key in ('loss', 'kept'):
                hub.update_scalar(key, weights.bias * step)
        assert found.places == []
        values = hub.get_scalar('loss').data[0].tolist()
    assert len(values) == 4 and len(found.places) == 1


def test_what_nobody_reads_is_fetched_now_and_then():
    hub = LateMessageHub('a third hub')
    for _ in range(MOST + 1):
        hub.update_scalar('loss', torch.ones(()))
    assert len(hub._waiting['loss']) == 1
    assert len(hub.log_scalars['loss'].data[0]) == MOST + 1


def test_no_number_and_no_key():
    hub = LateMessageHub('a fourth hub')
    with pytest.raises(ValueError, match='one number'):
        hub.update_scalar('loss', torch.ones(2))
    with pytest.raises(KeyError, match='acc'):
        hub.get_scalar('acc')
