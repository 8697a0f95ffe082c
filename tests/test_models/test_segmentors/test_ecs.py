"""ECS: its formula by other means, what is left of a label, and who learns from what."""

from pathlib import Path

import torch
import torch.nn.functional as F
from mmengine.config import Config
from torch import Tensor

from semiseg_mm.models.segmentors.ecs import corrected_label
from semiseg_mm.registry import MODELS
from semiseg_mm.testing import toy_batch, toy_network

BASE = Config.fromfile(Path(__file__).parents[3] / 'configs/_base_/methods/ecs.py')
SMALL = dict(type='ConvCorrector', channels=(4, 6), strides=(2, 1))


def build(**kwargs):
    """In eval mode, so that dropout and batch statistics do not hide the formula."""
    torch.manual_seed(0)
    own = dict(BASE.model.to_dict(), segmentor=toy_network(), corrector=SMALL, **kwargs)
    return MODELS.build(own).eval()


def losses_of(model) -> dict[str, Tensor]:
    return model(**model.data_preprocessor(toy_batch(), True), mode='loss')


def test_losses_are_the_stated_formulas():
    """The corrector is sharpened, so that it calls some pixels right and changes others."""
    model = build()
    corrector = model.auxiliaries['corrector']
    corrector.layers[-1].weight.data.mul_(100)
    found = losses_of(model)
    data = model.data_preprocessor(toy_batch(), True)
    x, u = (data['inputs'][view] for view in ('labeled', 'weak'))
    known, guess = (
        F.interpolate(model.networks['student']._forward(i), (16, 16), mode='bilinear')
        for i in (x, u)
    )
    truth = torch.cat([s.gt_sem_seg.data for s in data['data_samples']['labeled']])
    said = corrector(torch.cat([x, known.softmax(1)], 1))
    wanted = truth.clone()
    wanted[known.argmax(1) == truth] = 3
    own = F.cross_entropy(said, wanted, ignore_index=255)
    torch.testing.assert_close(found['loss_corrector'], own)
    right = torch.full_like(truth, 3).masked_fill(truth == 255, 255)
    praise = 0.1 * F.cross_entropy(said, right, ignore_index=255)
    torch.testing.assert_close(found['loss_praise'], praise)
    sure, label = corrector(torch.cat([u, guess.softmax(1)], 1)).softmax(1).max(1)
    mended = torch.where(label == 3, guess.argmax(1), label)
    pixels = F.cross_entropy(guess, mended, reduction='none') * sure
    torch.testing.assert_close(found['loss_semi'], pixels[:, :15, :15].mean())
    changed = (mended != guess.argmax(1))[:, :15, :15].float().mean()
    assert found['corrected'] == changed and 0 < changed < 1


def test_a_correction_by_hand():
    """Two classes and "right": the first pixel stays, the second becomes class 0."""
    logits = torch.tensor([[0.0, 5.0], [0.0, 5.0]]).T.reshape(1, 2, 1, 2)  # class 1 in both
    correction = torch.tensor([[0.0, 0.0, 1.0], [2.0, 0.0, 0.0]]).T.reshape(1, 3, 1, 2)
    target = corrected_label(logits, correction, torch.ones(1, 1, 2, dtype=torch.bool))
    assert target.label.tolist() == [[[1, 0]]]
    expected = correction.softmax(1).amax(1)
    assert torch.equal(target.kept, expected) and torch.equal(target.confidence, expected)


def test_the_network_learns_to_be_called_right():
    """The praise has a gradient to the network through the frozen corrector, and no other term."""
    model = build()
    losses_of(model)['loss_praise'].backward()
    assert any(p.grad.abs().sum() > 0 for p in model.networks.parameters())
