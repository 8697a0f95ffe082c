from math import exp, log

import pytest
import torch

from semiseg_mm.errors import UserError
from semiseg_mm.models import MaskedCrossEntropy, ProbabilityMSE, ProbOhemCrossEntropy
from semiseg_mm.models.losses import sigmoid_rampup
from semiseg_mm.registry import MODELS
from semiseg_mm.structures import PseudoLabel
from semiseg_mm.testing import toy_batch, toy_network


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


PIXELS = [[0.9, 0.6], [0.8, 0.3]]  # the probability of each pixel's label


def four_pixels(p=PIXELS):
    """Logits 1,2,2,2 that give the labels, all of class 1, these probabilities."""
    p = torch.tensor([p])
    return torch.stack([(1 - p).log(), p.log()], 1).requires_grad_()


@pytest.mark.parametrize(
    ('number', 'kept'),
    [
        (1, [0.6, 0.3]),
        (2, [0.6, 0.3]),
        (3, [0.8, 0.6, 0.3]),
        (4, [0.9, 0.8, 0.6, 0.3]),
        (9, [0.9, 0.8, 0.6, 0.3]),
    ],
)
def test_hard_pixels_by_hand(number, kept):
    """0.6 and 0.3 are below 0.7; the next hardest is 0.8, then 0.9."""
    loss = MODELS.build(dict(type='ProbOhemCrossEntropy', thresh=0.7, min_kept=number))
    label = torch.ones(1, 2, 2, dtype=torch.long)
    expected = -sum(map(log, kept)) / len(kept)
    assert loss(four_pixels(), label).item() == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize(('number', 'kept'), [(1, [0.6]), (2, [0.6, 0.8]), (3, [0.6, 0.8, 0.9])])
def test_hard_pixels_are_counted_among_labeled_ones(number, kept):
    """The pixel of 0.3 has no label."""
    label = torch.tensor([[[1, 1], [1, 255]]])
    loss = ProbOhemCrossEntropy(0.7, number)(four_pixels(), label)
    assert loss.item() == pytest.approx(-sum(map(log, kept)) / len(kept), abs=1e-6)


def hard_mean(logits, label, thresh, number):
    """The mean of CPS's definition, pixel by pixel: sorted by loss, which falls with p."""
    losses = []
    for image, classes in zip(logits.double(), label, strict=True):
        for y in range(label.shape[1]):
            for x in range(label.shape[2]):
                if classes[y, x] != 255:
                    scores = image[:, y, x]
                    losses.append((scores.logsumexp(0) - scores[classes[y, x]]).item())
    losses.sort(reverse=True)
    easy = [k for k, one in enumerate(losses) if exp(-one) > thresh and k >= number]
    hard = losses[: min(easy, default=len(losses))]
    return sum(hard) / len(hard)


@pytest.mark.parametrize('thresh', [0.1, 0.5, 0.7, 1.0])
@pytest.mark.parametrize('number', [1, 40, 100, 5000])
@pytest.mark.parametrize('per_image', [False, True])
def test_hard_pixels_one_by_one(thresh, number, per_image):
    torch.manual_seed(0)
    logits = 3 * torch.randn(2, 4, 9, 8)
    label = torch.randint(4, (2, 9, 8))
    label[torch.rand(2, 9, 8) < 0.3] = 255
    loss = ProbOhemCrossEntropy(thresh, number, per_image)
    expected = hard_mean(logits, label, thresh, number * (2 if per_image else 1))
    assert loss(logits, label).item() == pytest.approx(expected, abs=1e-6)


def test_hard_pixels_are_the_only_ones_that_learn():
    logits = four_pixels()
    ProbOhemCrossEntropy(0.7, 1)(logits, torch.ones(1, 2, 2, dtype=torch.long)).backward()
    # softmax minus one-hot, over the two that are kept
    assert logits.grad[0, 1].flatten().tolist() == pytest.approx([0, -0.2, 0, -0.35], abs=1e-6)


def test_hard_pixels_of_equal_probability_stay_together():
    loss = ProbOhemCrossEntropy(0.1, 1)(
        four_pixels([[0.5, 0.5], [0.5, 0.9]]), torch.ones(1, 2, 2, dtype=torch.long)
    )
    assert loss.item() == pytest.approx(log(2), abs=1e-6)


def test_no_labeled_pixel_gives_a_loss_and_a_gradient_of_0():
    logits = four_pixels()
    loss = ProbOhemCrossEntropy()(logits, torch.full((1, 2, 2), 255))
    loss.backward()
    assert loss == 0 and not logits.grad.any()


def test_hard_pixels_in_half_precision_are_those_of_full():
    torch.manual_seed(0)
    logits, label = torch.randn(1, 3, 8, 8).bfloat16(), torch.randint(3, (1, 8, 8))
    with torch.autocast('cpu', torch.bfloat16):
        loss = ProbOhemCrossEntropy(0.7, 40)(logits, label)
    assert loss.dtype == torch.float32
    assert loss.item() == pytest.approx(hard_mean(logits, label, 0.7, 40), abs=1e-6)


def test_a_broken_logit_is_seen_in_the_loss():
    logits = four_pixels().detach()
    logits[0, 0, 0, 0] = float('nan')
    loss = ProbOhemCrossEntropy(0.7, 1)
    assert loss(logits, torch.ones(1, 2, 2, dtype=torch.long)).isnan()


def test_class_weights_average_over_hard_pixels():
    """0.6 of class 0 with weight 3, 0.3 of class 1 with weight 1: (3 · 0.51 + 1.20) / 4."""
    logits = four_pixels([[0.9, 0.4], [0.8, 0.3]])
    label = torch.tensor([[[1, 0], [1, 1]]])
    loss = ProbOhemCrossEntropy(0.7, 1, class_weight=[3.0, 1.0])(logits, label)
    assert loss.item() == pytest.approx(-(3 * log(0.6) + log(0.3)) / 4, abs=1e-6)


def test_what_a_loss_of_hard_pixels_cannot_be():
    with pytest.raises(UserError, match='min_kept=0'):
        ProbOhemCrossEntropy(min_kept=0)
    label = torch.ones(1, 2, 2, dtype=torch.long)
    with pytest.raises(UserError, match=r'decode_head\.sampler'):
        ProbOhemCrossEntropy()(four_pixels(), label, weight=torch.ones(1, 2, 2))


@pytest.mark.parametrize('whole', [False, True])
def test_a_head_has_a_loss_of_hard_pixels(whole, monkeypatch):
    """Used in parts or whole, a network logs what the loss gives for its logits, and acc_seg."""
    if whole:
        monkeypatch.setattr('semiseg_mm.models.segmentors.base.can_be_taken_apart', lambda _: False)
    cfg = toy_network()
    cfg['decode_head']['loss_decode'] = dict(type='ProbOhemCrossEntropy', thresh=0.4, min_kept=9)
    model = MODELS.build(dict(type='SupOnly', segmentor=cfg)).eval()
    data = model.data_preprocessor(toy_batch(), True)
    losses = model(**data, mode='loss')
    samples = data['data_samples']['labeled']
    labels = torch.cat([sample.gt_sem_seg.data for sample in samples])
    logits = model.networks['student'].encode_decode(
        data['inputs']['labeled'], [sample.metainfo for sample in samples]
    )
    expected = hard_mean(logits, labels, 0.4, 9)
    assert losses['sup.decode.loss_ce'].item() == pytest.approx(expected, abs=1e-5)
    assert 'sup.decode.acc_seg' in losses
