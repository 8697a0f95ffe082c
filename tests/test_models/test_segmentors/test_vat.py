"""VAT: its formula by other means, how far an image moves, and that it moves to the worse."""

from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from mmengine.config import Config
from torch import Tensor

from semiseg_mm.errors import UserError
from semiseg_mm.models.losses import ProbabilityKL
from semiseg_mm.models.perturbations import image_slope, worst_direction
from semiseg_mm.registry import MODELS
from semiseg_mm.structures import PseudoLabel, View
from semiseg_mm.testing import toy_batch, toy_network

BASE = Config.fromfile(Path(__file__).parents[3] / 'configs/_base_/methods/vat.py')


def build(**kwargs):
    """In eval mode, so that dropout and batch statistics do not hide the formula."""
    torch.manual_seed(0)
    return MODELS.build(dict(BASE.model.to_dict(), segmentor=toy_network(), **kwargs)).eval()


def views_of(model) -> dict[str, View]:
    data = model.data_preprocessor(toy_batch(views=BASE.views), True)
    samples = data['data_samples']
    return {
        name: View(images, samples[name], torch.cat([s.valid.data for s in samples[name]]))
        for name, images in data['inputs'].items()
    }


def divergence(model, images: Tensor, target: Tensor) -> Tensor:
    """KL of the teacher's prediction, B,H,W."""
    logs = model.look('teacher', images, train_mode=False).logits.log_softmax(1)
    return (target * (target.log() - logs)).sum(1)


def test_divergence_by_hand():
    """Of (1/2, 1/2) from (1/4, 3/4), at one of two pixels; the other one is padding."""
    logits = torch.tensor([[[[1.0, 9.0]], [[3.0, 1.0]]]]).log()
    valid = torch.tensor([[[True, False]]])
    target = PseudoLabel(torch.full((1, 2, 1, 2), 0.5), torch.full((1, 1, 2), 0.5), valid)
    expected = 0.5 * torch.tensor(0.5 / 0.25).log() + 0.5 * torch.tensor(0.5 / 0.75).log()
    torch.testing.assert_close(ProbabilityKL()(logits, target), expected)
    torch.testing.assert_close(ProbabilityKL(over='all')(logits, target), expected / 2)
    certain = target._replace(label=torch.tensor([[[[0.0, 0.0]], [[1.0, 1.0]]]]))
    torch.testing.assert_close(ProbabilityKL()(logits, certain), torch.tensor(4 / 3).log())
    with pytest.raises(UserError, match='SoftPseudoLabel'):
        ProbabilityKL()(logits, target._replace(label=torch.zeros(1, 1, 2).long()))


def test_loss_is_the_published_formula():
    """All steps of the official code in a row; the noise is that of the same seed."""
    model = build()
    given = views_of(model)
    torch.manual_seed(3)
    seen = model.prepare_views(dict(given))
    weak, strong, inside = given['weak'].inputs, given['strong'].inputs, given['weak'].valid
    torch.manual_seed(3)
    noise = torch.randn(2, 3, 16, 16)
    near = noise * 0.01 * (3 * 16 * 16) ** 0.5 / noise.pow(2).sum((1, 2, 3), True).sqrt()
    near.requires_grad_()
    taught = model.teach('teacher', weak).logits.softmax(1)
    (divergence(model, strong + near, taught) * inside).sum().backward()
    down, right = strong[:, :, 2:] - strong[:, :, :-2], strong[..., 2:] - strong[..., :-2]
    steep = (down.pow(2).sum((1, 2, 3), True) + right.pow(2).sum((1, 2, 3), True)).sqrt() / 2
    moved = strong + steep * near.grad / near.grad.pow(2).sum((1, 2, 3), True).sqrt()
    torch.testing.assert_close(seen['strong'].inputs, moved, rtol=1e-3, atol=1e-3)
    model.filter.value = taught.amax(1).median().item()
    data = model.data_preprocessor(toy_batch(views=BASE.views), True)
    torch.manual_seed(3)
    found = model(**data, mode='loss')
    logs = model.networks['student'](seen['strong'].inputs)
    logs = F.interpolate(logs, (16, 16), mode='bilinear').log_softmax(1)
    pixels = (taught * (taught.log() - logs)).sum(1) * inside
    share = (taught.amax(1) >= model.filter.value)[inside].float().mean()
    assert 0 < share < 1
    torch.testing.assert_close(found['loss_strong'], 0.1 * share * pixels.mean())


@pytest.mark.parametrize('adaptive', [True, False])
def test_every_image_moves_by_the_radius(adaptive):
    model = build(radius=0.3, adaptive=adaptive)
    given = views_of(model)
    moved = model.prepare_views(dict(given))['strong'].inputs - given['strong'].inputs
    images = given['strong'].inputs
    expected = image_slope(images).flatten() if adaptive else torch.full((2,), 768**0.5)
    torch.testing.assert_close(moved.flatten(1).norm(dim=1), 0.3 * expected)


def test_the_slope_of_a_ramp():
    """Columns 0 1 2 3: each step to the right is 1, down 0; four of the two-pixel differences."""
    ramp = torch.arange(4.0).expand(1, 1, 2, 4)
    assert image_slope(ramp).item() == pytest.approx(4**0.5)


@pytest.mark.parametrize('direction_of', ['teacher', 'student'])
def test_no_random_direction_is_as_bad(direction_of):
    model = build(direction_of=direction_of, radius=0.05)
    view = model.prepare_views(dict(views_of(model)))['weak']
    change = model.change(view)
    lengths = change.flatten(1).norm(dim=1).view(-1, 1, 1, 1)
    found = divergence(model, view.inputs + change, view.target.label).sum()
    for seed in range(5):
        torch.manual_seed(seed)
        other = torch.randn_like(change)
        other = lengths * other / other.flatten(1).norm(dim=1).view(-1, 1, 1, 1)
        assert divergence(model, view.inputs + other, view.target.label).sum() < found / 2


def test_where_nothing_changes_nothing_moves():
    flat = torch.zeros(2, 3, 4, 4)
    assert not worst_direction(lambda x: 0 * x.sum(), flat, 0.1).any()


def test_the_search_leaves_no_gradient_and_is_not_disturbed_by_half_precision():
    model = build()
    view = model.prepare_views(dict(views_of(model)))['weak']
    torch.manual_seed(0)
    expected = model.change(view)
    torch.manual_seed(0)
    with torch.autocast('cpu', torch.bfloat16):
        found = model.change(view)
    torch.testing.assert_close(found, expected)
    assert not found.requires_grad and all(p.grad is None for p in model.parameters())


@pytest.mark.parametrize(
    ('options', 'advice'),
    [
        (dict(teacher='self'), "take 'ema' or 'self_eval'"),
        (dict(step=0), 'step=0 .* above 0'),
        (dict(direction_of='techer'), "Did you mean 'teacher'"),
        (dict(radius=-1), 'radius=-1'),
    ],
)
def test_what_cannot_work_is_refused(options, advice):
    with pytest.raises(UserError, match=advice):
        build(**options)


def test_without_a_teacher_the_student_is_attacked():
    assert build(teacher='self_eval').attacked == 'student'
