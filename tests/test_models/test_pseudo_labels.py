from math import log

import pytest
import torch

from semiseg_mm.models import HardPseudoLabel, SoftPseudoLabel

# two classes at 1 x 2 pixels: probabilities (3/4, 1/4) and (1/5, 4/5)
LOGITS = torch.tensor([[[[log(3), 0.0]], [[0.0, log(4)]]]])
VALID = torch.tensor([[[True, False]]])
BOTH = pytest.mark.parametrize('make', [HardPseudoLabel(), SoftPseudoLabel()])


def test_hard_label_by_hand():
    made = HardPseudoLabel()(LOGITS, VALID)
    assert made.label.tolist() == [[[0, 1]]] and made.label.dtype == torch.long
    torch.testing.assert_close(made.confidence, torch.tensor([[[0.75, 0.8]]]))


def test_soft_label_by_hand():
    made = SoftPseudoLabel()(LOGITS, VALID)
    torch.testing.assert_close(made.label, torch.tensor([[[[0.75, 0.2]], [[0.25, 0.8]]]]))
    torch.testing.assert_close(made.confidence, torch.tensor([[[0.75, 0.8]]]))


def test_certainty_of_an_image_by_hand():
    """(1 - entropy / log 2) * confidence of the only pixel that is not padding; else it is 0."""
    assert HardPseudoLabel()(LOGITS, VALID).certainty is None
    made = HardPseudoLabel(certainty=True)(LOGITS, VALID)
    entropy = 0.75 * log(4 / 3) + 0.25 * log(4)
    torch.testing.assert_close(made.certainty, torch.tensor([(1 - entropy / log(2)) * 0.75]))
    assert HardPseudoLabel(certainty=True)(LOGITS, VALID & False).certainty.tolist() == [0]


@BOTH
def test_valid_is_handed_on(make):
    assert torch.equal(make(LOGITS, VALID).valid, VALID)


@BOTH
def test_no_gradient_reaches_who_made_the_label(make):
    logits = LOGITS.clone().requires_grad_()
    made = make(logits, VALID)
    assert made.weight is None  # no filter has seen it
    assert not any(part.requires_grad for part in made[:3])
    student = LOGITS.clone().requires_grad_()
    ((student.softmax(1)[:, 0] - made.confidence) ** 2).sum().backward()
    assert logits.grad is None and student.grad.any()


@BOTH
def test_half_precision_logits_make_full_precision_confidences(make):
    assert make(LOGITS.half(), VALID).confidence.dtype == torch.float32
