from math import exp, log

import pytest
import torch

from semiseg_mm.errors import UserError
from semiseg_mm.models import ContextPseudoLabel, HardPseudoLabel, SoftPseudoLabel

# two classes at 1 x 2 pixels: probabilities (3/4, 1/4) and (1/5, 4/5)
LOGITS = torch.tensor([[[[log(3), 0.0]], [[0.0, log(4)]]]])
VALID = torch.tensor([[[True, False]]])
BOTH = pytest.mark.parametrize('make', [HardPseudoLabel(), SoftPseudoLabel(), ContextPseudoLabel()])


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


# ------------------------------------------------------------------ S4MC


def refined(p: list, valid: list, places: list, count: int) -> list:
    """One class in a straight line: p + b n - b p n, for the largest n among the neighbours."""
    found = [row[:] for row in p]
    for y, row in enumerate(p):
        for x in range(len(row)):
            near = []
            for dy, dx in places:
                v, u = y + dy, x + dx
                inside = 0 <= v < len(p) and 0 <= u < len(row) and valid[v][u]
                near.append(p[v][u] if inside else 0.0)
            for n in sorted(near, reverse=True)[:count]:
                found[y][x] += exp(-0.5) * n - exp(-0.5) * found[y][x] * n
    return found


CROSS = [(0, 1), (0, -1), (1, 0), (-1, 0)]


@pytest.mark.parametrize(
    ('neighbours', 'places', 'count'),
    [(4, CROSS, 1), (4, CROSS, 2), (8, [*CROSS, (1, 1), (1, -1), (-1, 1), (-1, -1)], 3)],
)
def test_neighbours_make_a_pixel_more_probable(neighbours, places, count):
    torch.manual_seed(0)
    logits, valid = torch.randn(1, 3, 4, 5), torch.rand(1, 4, 5) < 0.8
    p = logits.softmax(1)
    expected = torch.tensor(
        [refined(own, valid[0].tolist(), places, count) for own in p[0].tolist()]
    )
    make = ContextPseudoLabel(neighbours, count)
    torch.testing.assert_close(make.refine(p, valid)[0], expected)
    assert (make.refine(p, valid) >= p).all() and (expected < 1).all()
    made, margin = make(logits, valid), ContextPseudoLabel(neighbours, count, indicator='margin')
    assert torch.equal(made.label[0], expected.argmax(0))
    torch.testing.assert_close(made.confidence[0], expected.amax(0))
    first, second = expected.sort(0, descending=True).values[:2]
    torch.testing.assert_close(margin(logits, valid).confidence[0], first - second)


def test_a_neighbour_may_turn_the_label():
    """(0.55, 0.45) beside a sure pixel of class 1: 0.55 against 0.45 + 0.55 exp(-1/2)."""
    p = torch.tensor([[0.55, 0.0], [0.45, 1.0]]).view(1, 2, 1, 2)
    made = ContextPseudoLabel()(p.log(), torch.ones(1, 1, 2, dtype=torch.bool))
    assert made.label.tolist() == [[[1, 1]]]
    torch.testing.assert_close(made.confidence[0, 0, 0].item(), 0.45 + 0.55 * exp(-0.5))


def test_more_neighbours_than_there_are_are_refused():
    with pytest.raises(UserError, match='neighbours=6 of ContextPseudoLabel is none of 4, 8'):
        ContextPseudoLabel(6)
    with pytest.raises(UserError, match='count=5 of ContextPseudoLabel is none of 1, 2, 3, 4'):
        ContextPseudoLabel(4, 5)
