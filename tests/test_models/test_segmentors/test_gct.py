"""GCT: its formula by other means, what a flaw is, and who learns from what."""

from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
import torch.nn.functional as F
from mmengine.config import Config
from torch import Tensor

from semiseg_mm.errors import UserError
from semiseg_mm.models import FlawDetector
from semiseg_mm.models.auxiliaries.flaw_detector import HalfInstanceNorm
from semiseg_mm.models.losses import flaw_target, marked_flaws
from semiseg_mm.models.losses.flaws import blurred
from semiseg_mm.registry import MODELS
from semiseg_mm.testing import toy_batch, toy_network

BASE = Config.fromfile(Path(__file__).parents[3] / 'configs/_base_/methods/gct.py')
SMALL = dict(type='FlawDetector', channels=(4, 6), strides=(2, 1), norm_cfg=dict(type='BN'))


def build(**kwargs):
    """In eval mode, so that dropout and batch statistics do not hide the formula."""
    torch.manual_seed(0)
    own = dict(BASE.model.to_dict(), segmentor=toy_network(), detector=SMALL, rampup=0.0)
    return MODELS.build(dict(own, **kwargs)).eval()


def losses_of(model, batch=None) -> dict[str, Tensor]:
    return model(**model.data_preprocessor(batch or toy_batch(), True), mode='loss')


def test_losses_are_the_published_formulas():
    """A detector whose values lie around 1, so that all cases of the comparison occur."""
    model = build(threshold=0.4)
    detector = model.auxiliaries['detector']
    detector.layers[-1].weight.data.mul_(30)
    found = losses_of(model)
    data = model.data_preprocessor(toy_batch(), True)
    images = torch.cat([data['inputs'][view] for view in ('labeled', 'weak')])
    maps = [
        F.interpolate(net._forward(images), (16, 16), mode='bilinear').softmax(1)
        for net in model.networks.values()
    ]
    truth = torch.cat([s.gt_sem_seg.data for s in data['data_samples']['labeled']])
    one_hot = torch.stack([(truth == c).float() for c in range(3)], 1)
    inside = torch.zeros(4, 16, 16, dtype=torch.bool)
    inside[:, :15, :15] = True
    flaws = [detector(torch.cat([images, p], 1)) for p in maps]
    left, right = (marked_flaws(x) for x in flaws)
    worse = torch.where(right > 0.4, 1, right) < torch.where(left > 0.4, 1, left)  # left is
    other = torch.where(left > 0.4, 1, left) < torch.where(right > 0.4, 1, right)
    pulls = [torch.where(w, ((maps[0] - maps[1]) ** 2).mean(1), 0) for w in (worse, other)]
    assert worse[inside].any() and other[inside].any() and (~worse & ~other)[inside].any()
    pull = sum(x[inside].mean() for x in pulls)
    torch.testing.assert_close(found['loss_consistency'], 100 * pull)
    both = (left > 0.4) & (right > 0.4)
    assert found['both_bad'] == both[inside].float().mean() > 0
    correction = sum(torch.where(both, x**2, 0)[inside].mean() for x in flaws)
    torch.testing.assert_close(found['loss_correction'], correction)
    own = 0
    for x, p in zip(flaws, maps):
        wrong = flaw_target(p[:2], one_hot, inside[:2])
        own = own + 5 * (x[:2] - wrong)[inside[:2]].square().mean()
    torch.testing.assert_close(found['loss_detector'], own)


def test_equal_networks_have_nothing_to_take_from_each_other():
    model = build()
    model.networks['net_1'].load_state_dict(model.networks['net_0'].state_dict())
    found = losses_of(model)
    assert found['loss_consistency'] == 0 and found['loss_detector'] > 0


def test_the_pull_rises_over_its_share_of_the_training():
    model, whole = build(rampup=0.5), build()
    for progress, part in ((0.0, np.exp(-5)), (0.25, np.exp(-1.25)), (0.5, 1.0), (1.0, 1.0)):
        model.iteration = whole.iteration = progress
        expected = part * losses_of(whole)['loss_consistency']
        torch.testing.assert_close(losses_of(model)['loss_consistency'], expected)


def test_three_networks_are_refused():
    with pytest.raises(UserError, match=r'compares two networks, .* has 3'):
        build(segmentor=[toy_network()] * 3)


# ------------------------------------------------------------------ flaws


def test_a_blur_is_that_of_opencv():
    image = torch.rand(1, 33, 40)
    size = 33 // 8 // 2 * 2 + 1
    sigma = 0.3 * ((size - 1) / 2 - 1) + 0.8
    expected = cv2.GaussianBlur(
        image[0].numpy(), (size, size), sigma, borderType=cv2.BORDER_REFLECT_101
    )
    np.testing.assert_allclose(blurred(image, 8)[0], expected, atol=1e-5)


def test_a_flaw_is_where_the_prediction_is_wrong():
    """One image is wrong in a corner, one nowhere; of one the wrong corner is padding."""
    truth = F.one_hot(torch.zeros(3, 32, 32, dtype=torch.long), 2).permute(0, 3, 1, 2).float()
    guess, valid = truth.clone(), torch.ones(3, 32, 32, dtype=torch.bool)
    guess[::2, :, :6, :6] = guess[::2, :, :6, :6].flip(1)
    valid[2, :6, :6] = False
    flaws = flaw_target(guess, truth, valid)
    assert flaws[0].max() == flaws[0, 0, 0] == pytest.approx(1) and flaws[0, -1, -1] == 0
    assert 0 < flaws[0, 7, 7] < flaws[0, 5, 5]  # it is spread
    assert (flaws[1:] == 0).all()


def test_small_flaws_are_none():
    found = torch.zeros(3, 32, 32)
    found[0, 8:24, 8:24], found[1, 8:24, 8:24], found[2, 8:24, 8:24] = 0.3, 0.05, -3
    marks = marked_flaws(found)
    assert marks[0].min() == 0 and marks[0].max() == pytest.approx(1)
    assert (marks[1:] == 0).all()


def test_half_of_the_channels_are_normalised_image_by_image():
    x = torch.rand(4, 6, 8, 8) * torch.arange(1.0, 5).view(4, 1, 1, 1)
    out = HalfInstanceNorm(6, dict(type='BN')).train()(x)
    close = dict(rtol=0, atol=1e-3)  # each variance has 1e-5 added
    torch.testing.assert_close(out[:, 3:].std((2, 3), correction=0), torch.ones(4, 3), **close)
    torch.testing.assert_close(out[:, :3].std((0, 2, 3), correction=0), torch.ones(3), **close)
    assert out[0, :3].std((1, 2)).max() < 0.6


def test_the_detector_has_the_published_layers():
    """No activation stands behind the last one."""
    layers = FlawDetector(24).layers
    convs = [m for m in layers if isinstance(m, torch.nn.Conv2d)]
    assert convs[-1] is layers[-1]
    assert [m.out_channels for m in convs] == [64, 128, 128, 256, 256, 512, 512, 1]
    assert [m.stride[0] for m in convs] == [2, 2, 1, 2, 1, 2, 1, 2]
    assert {(m.kernel_size, m.padding) for m in convs} == {((4, 4), (1, 1))}


@pytest.mark.parametrize('size', [(8, 9), (33, 64)])
def test_it_judges_every_pixel_of_any_size(size):
    detector = FlawDetector(5, (2, 2, 4), (2, 2, 1), dict(type='BN')).eval()
    assert detector.smallest == 12
    assert detector(torch.rand(2, 5, *size)).shape == (2, *size)
