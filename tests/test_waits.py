"""That Waits finds what waits for a GPU, and nothing else."""

import pytest
import torch
from torch import nn

from semiseg_mm.testing.waits import Waits


@pytest.mark.parametrize(
    ('code', 'what'),
    [
        (lambda x: x.sum().item(), '_local_scalar_dense'),
        (lambda x: bool((x > 0).any()), '_local_scalar_dense'),
        (lambda x: x.tolist(), 'tolist'),
        (lambda x: x.detach().numpy(), 'numpy'),
        (lambda x: x.cpu(), 'cpu'),
        (lambda x: x[x > 0], 'index by booleans'),
        (lambda x: x.nonzero(), 'nonzero'),
        (lambda x: x.unique(), '_unique2'),
        (lambda x: x[torch.tensor([0])], 'numbers of the host'),
        (lambda x: x + torch.ones(3).to(x.device), r'blocking copy (to)'),
        (lambda x: x.new_tensor([1.0, 2.0, 3.0]), 'new_tensor'),
        (lambda x: torch.tensor([1.0], device=x.device), 'blocking copy (tensor)'),
        (lambda x: torch.zeros(3).copy_(x.detach()), 'copy_'),
    ],
)
def test_what_waits(code, what):
    layer = nn.Linear(1, 3)
    with Waits(layer) as waits:
        code(layer.bias)
    assert len(waits.places) == 1, waits.places
    assert what in waits.places[0] and 'test_waits.py' in waits.places[0]


def test_what_does_not_wait():
    """Work on the host, copies that say so, and work on the device."""
    layer = nn.Linear(1, 3)
    with Waits(layer) as waits:
        numbers = torch.randperm(3)
        assert numbers.tolist() and numbers[numbers > 0].sum().item() == 3
        x = layer.bias[numbers.to(layer.bias.device, non_blocking=True)]
        x = torch.where(x > 0, x, 0 * x) + torch.zeros(3, device=x.device)
        x.masked_fill(x > 1, 0).sum().backward()
        nn.functional.one_hot(x.detach().long().clamp(0, 2), 3)
    assert waits.places == []
