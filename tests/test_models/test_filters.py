import pytest
import torch

from semiseg_mm.errors import UserError
from semiseg_mm.models import (
    ConfidentShare,
    MaskedCrossEntropy,
    MeanConfidence,
    Threshold,
    TopShare,
)
from semiseg_mm.models.losses.average import average
from semiseg_mm.structures import PseudoLabel


def target(confidence, valid, weight=None):
    """One image of 1 x W pixels, all of class 0."""
    confidence, valid = torch.tensor([[confidence]]), torch.tensor([[valid]])
    return PseudoLabel(
        torch.zeros(1, 1, valid.shape[-1], dtype=torch.long), confidence, valid, weight
    )


def test_threshold_keeps_what_reaches_it():
    found = Threshold(0.5)(target([0.4, 0.5, 0.9], [True, True, False]))
    assert found.weight.tolist() == [[[0.0, 1.0, 1.0]]]  # padding is the business of valid


def test_confident_share_counts_valid_pixels_only():
    """Of two valid pixels one is confident: every pixel counts half."""
    found = ConfidentShare(0.8)(target([0.9, 0.1, 0.9], [True, True, False]))
    assert found.weight.tolist() == [[[0.5, 0.5, 0.5]]]
    nothing = ConfidentShare(0.8)(target([0.9], [False]))
    assert nothing.weight.tolist() == [[[0.0]]]


def test_mean_confidence_is_that_of_the_image_without_padding():
    given = target([0.9, 0.5, 0.1], [True, True, False])
    assert MeanConfidence()(given).weight.tolist() == [[pytest.approx([0.7, 0.7, 0.7])]]
    assert MeanConfidence()(target([0.9], [False])).weight.tolist() == [[[0.0]]]


def test_top_share_keeps_the_share_of_the_valid_pixels():
    """At half time 0.5 of four valid pixels, however high the confidence of padding is."""
    keep = TopShare(0.25, 0.75)
    given = target([0.3, 0.1, 0.2, 0.4, 0.9], [True] * 4 + [False])
    kept = []
    for progress in (0, 0.5, 1):
        keep.observe(given, progress)
        kept.append(keep(given).kept.flatten().tolist())
    assert kept == [[0, 0, 0, 1, 0], [1, 0, 0, 1, 0], [1, 0, 1, 1, 0]]
    assert keep(target([0.9, 0.9], [False, False])).kept.sum() == 0


def test_top_share_is_a_function_of_the_progress_alone():
    """So it needs no state: what it saw before does not matter."""
    keep, fresh = TopShare(), TopShare()
    for progress in (0.0, 0.9, 0.2):
        keep.observe(target([0.5], [True]), progress)
    fresh.observe(target([0.1, 0.2], [True, True]), 0.2)
    assert keep.share == fresh.share == 0.75 + 0.2 * (0.85 - 0.75) and not keep.state_dict()


@pytest.mark.parametrize('kind', [Threshold, ConfidentShare])
def test_a_filter_goes_on_top_of_what_a_label_weighs(kind):
    """0.5 stays with the first pixel; of two valid pixels one is confident."""
    given = target([0.9, 0.1], [True, True], torch.tensor([[[0.5, 1.0]]]))
    expected = [0.5, 0.0] if kind is Threshold else [0.25, 0.5]
    assert kind(0.8)(given).weight.tolist() == [[expected]]


@pytest.mark.parametrize(('over', 'expected'), [('valid', 3 / 3), ('all', 3 / 4), ('kept', 3 / 2)])
def test_what_the_sum_is_divided_by(over, expected):
    """Losses 1 2 4 8; the last pixel is padding, the third is filtered out: 1 + 2 = 3."""
    pixels = torch.tensor([[[1.0, 2.0, 4.0, 8.0]]])
    weight = torch.tensor([[[1.0, 1.0, 0.0, 1.0]]])
    found = average(pixels, target([1.0] * 4, [True, True, True, False], weight), over)
    torch.testing.assert_close(found.item(), expected)


@pytest.mark.parametrize('over', ['valid', 'all', 'kept'])
def test_nothing_to_learn_from_gives_zero_with_a_gradient_of_zero(over):
    logits = torch.randn(1, 2, 1, 2, requires_grad=True)
    nothing = target([0.9, 0.9], [True, True], torch.zeros(1, 1, 2))
    loss = MaskedCrossEntropy(over)(logits, nothing)
    loss.backward()
    assert loss == 0 and (logits.grad == 0).all()


def test_an_unknown_divisor_is_refused():
    with pytest.raises(UserError, match=r"over='vaild'.* Did you mean 'valid'"):
        MaskedCrossEntropy('vaild')


@pytest.mark.parametrize('kind', [Threshold, ConfidentShare])
@pytest.mark.parametrize('value', [1.0, 95, -0.1, '0.9', None])
def test_confidences_that_nothing_exceeds_are_refused(kind, value):
    with pytest.raises(UserError, match=rf'value={value!r} of {kind.__name__}: .* to below 1'):
        kind(value)
