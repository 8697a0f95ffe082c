from math import exp, log

import pytest
import torch

from semiseg_mm.errors import UserError
from semiseg_mm.models import MaskedCrossEntropy, ProbabilityMSE
from semiseg_mm.models.losses import sigmoid_rampup
from semiseg_mm.registry import MODELS
from semiseg_mm.structures import PseudoLabel


def two_pixels():
    """Probabilities (3/4, 1/4) and (1/2, 1/2) of two classes, as logits of shape 1,2,1,2."""
    logits = torch.tensor([[[[log(3), 0.0]], [[0.0, 0.0]]]])
    return logits.requires_grad_()


def target(label, valid=(True, True)):
    label = torch.tensor(label)
    return PseudoLabel(label, torch.ones(1, 1, 2), torch.tensor([[valid]]))


HARD = [[[0, 1]]]
SOFT = [[[[0.5, 1.0]], [[0.5, 0.0]]]]  # (1/2, 1/2) and (1, 0)


@pytest.mark.parametrize(
    ('valid', 'expected'),
    [
        ((True, True), (-log(0.75) + log(2)) / 2),  # (0.2877 + 0.6931) / 2 = 0.4904
        ((True, False), -log(0.75)),
        ((False, True), log(2)),
    ],
)
def test_hard_cross_entropy_by_hand(valid, expected):
    """-ln p of the labels 0 and 1: -ln(3/4) and -ln(1/2), over the number of valid pixels."""
    loss = MaskedCrossEntropy()(two_pixels(), target(HARD, valid))
    assert loss.item() == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize(
    ('valid', 'expected'),
    [
        ((True, True), (-(log(0.75) + log(0.25)) / 2 + log(2)) / 2),  # (0.8370 + 0.6931) / 2
        ((True, False), -(log(0.75) + log(0.25)) / 2),
    ],
)
def test_soft_cross_entropy_by_hand(valid, expected):
    """-sum q ln p: for q = (1/2, 1/2) half of both, for q = (1, 0) the first one."""
    loss = MaskedCrossEntropy()(two_pixels(), target(SOFT, valid))
    assert loss.item() == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize(
    ('valid', 'expected'), [((True, True), 0.15625), ((True, False), 0.0625), ((False, True), 0.25)]
)
def test_probability_distance_by_hand(valid, expected):
    """(3/4, 1/4) - (1/2, 1/2) = (1/4, -1/4): mean square 1/16. (1/2, 1/2) - (1, 0): 1/4.
    Together (1/16 + 1/4) / 2 = 0.15625.
    """
    loss = ProbabilityMSE()(two_pixels(), target(SOFT, valid))
    assert loss.item() == pytest.approx(expected, abs=1e-6)


def test_probability_distance_refuses_hard_labels():
    with pytest.raises(UserError, match="type='SoftPseudoLabel'"):
        ProbabilityMSE()(two_pixels(), target(HARD))


LOSSES = [(MaskedCrossEntropy(), HARD), (MaskedCrossEntropy(), SOFT), (ProbabilityMSE(), SOFT)]


@pytest.mark.parametrize(('loss', 'label'), LOSSES)
def test_no_valid_pixel_is_a_loss_and_a_gradient_of_zero(loss, label):
    logits = two_pixels()
    value = loss(logits, target(label, (False, False)))
    value.backward()
    assert value.item() == 0 and logits.grad.tolist() == torch.zeros(1, 2, 1, 2).tolist()


@pytest.mark.parametrize(('loss', 'label'), LOSSES)
def test_invalid_pixels_get_no_gradient_and_valid_ones_do(loss, label):
    logits = two_pixels()
    loss(logits, target(label, (False, True))).backward()
    assert not logits.grad[..., 0].any() and logits.grad[..., 1].all()


@pytest.mark.parametrize(('loss', 'label'), LOSSES)
def test_losses_are_computed_in_full_precision(loss, label):
    """Under AMP logits come in half precision."""
    half = two_pixels().detach().half()
    value = loss(half, target(label))
    assert value.dtype == torch.float32
    assert value.item() == pytest.approx(loss(half.float(), target(label)).item(), abs=1e-7)


def test_the_mean_is_over_the_batch_not_over_images():
    """One valid pixel of the first image and two of the second count the same: /3, not /2 /2."""
    logits = two_pixels().detach().repeat(2, 1, 1, 1)
    label = torch.tensor([[[0, 1]], [[0, 1]]])
    valid = torch.tensor([[[True, False]], [[True, True]]])
    loss = MaskedCrossEntropy()(logits, PseudoLabel(label, torch.ones(2, 1, 2), valid))
    assert loss.item() == pytest.approx((-2 * log(0.75) + log(2)) / 3, abs=1e-6)


@pytest.mark.parametrize(
    ('step', 'length', 'expected'),
    [
        (0, 10, exp(-5)),
        (5, 10, exp(-1.25)),
        (10, 10, 1),
        (99, 10, 1),
        (-3, 10, exp(-5)),
        (0, 0, 1),
    ],
)
def test_rampup_by_hand(step, length, expected):
    """exp(-5 (1 - t)^2): t = 0 gives exp(-5), t = 1/2 exp(-5/4), t >= 1 one."""
    assert sigmoid_rampup(step, length) == pytest.approx(expected)


def test_losses_are_built_by_name():
    assert isinstance(MODELS.build(dict(type='MaskedCrossEntropy')), MaskedCrossEntropy)
    assert isinstance(MODELS.build(dict(type='ProbabilityMSE')), ProbabilityMSE)
