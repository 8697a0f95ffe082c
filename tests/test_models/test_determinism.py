"""What stands in for torch's kernels in deterministic mode computes the same."""

import pytest
import torch
import torch.nn.functional as F
from kernels import deterministic
from mmseg.evaluation import IoUMetric
from torch import nn

from semiseg_mm.models.determinism import pool_average, pool_by_products, resize_cubic
from semiseg_mm.models.losses import ProbOhemCrossEntropy
from semiseg_mm.models.pseudo_labels import quantile
from semiseg_mm.utils.confusion import confusion


@pytest.mark.parametrize('factors', [(2.1, 1.3), (0.7, 1.0)])
def test_bicubic_interpolation(factors):
    x, y = (torch.randn(2, 3, 5, 4, requires_grad=True) for _ in range(2))
    y.data.copy_(x.data)
    expected = F.interpolate(x, scale_factor=factors, mode='bicubic')
    found = resize_cubic(y, factors)
    torch.testing.assert_close(found, expected)
    weights = torch.randn_like(found)
    (found * weights).sum().backward(), (expected * weights).sum().backward()
    torch.testing.assert_close(y.grad, x.grad)


@pytest.mark.parametrize('size', [2, 3, (2, 5), (None, 1)])
def test_pools(size):
    x = torch.randn(2, 3, 7, 5)
    torch.testing.assert_close(pool_average(x, size), F.adaptive_avg_pool2d(x, size))


def test_a_model_pools_by_products_and_keeps_its_means_over_everything():
    model = nn.Sequential(nn.AdaptiveAvgPool2d(3), nn.AdaptiveAvgPool2d(1))
    x, kept = torch.randn(1, 2, 7, 7, requires_grad=True), model[1].forward
    with deterministic() as refused:
        expected = model(x)
        expected.sum().backward()
    assert refused == {'_adaptive_avg_pool2d_backward'}
    pool_by_products(model)
    with deterministic() as refused:
        found = model(x)
        found.sum().backward()
    assert refused == set() and model[1].forward == kept
    torch.testing.assert_close(found, expected)


@pytest.mark.parametrize('class_weight', [None, [0.2, 1.0, 3.0]])
@pytest.mark.parametrize('known', [True, False])
def test_hard_pixels(class_weight, known):
    loss = ProbOhemCrossEntropy(min_kept=5, thresh=0.3, class_weight=class_weight)
    logits, label = torch.randn(2, 3, 4, 4, requires_grad=True), torch.randint(0, 3, (2, 4, 4))
    label[:, 0] = 255
    label = label if known else torch.full_like(label, 255)
    expected = loss(logits, label)
    with deterministic() as refused:
        found = loss(logits, label)
        found.backward()
    assert refused == set() and logits.grad.isfinite().all()
    torch.testing.assert_close(found, expected)


def test_quantiles():
    values = torch.randn(101)
    for share in (0.0, 0.3, 1.0):
        with deterministic() as refused:
            found = quantile(values, share)
        assert refused == set() and found == quantile(values, share)


def test_what_is_counted_for_scores():
    truth, label = torch.randint(0, 3, (2, 1, 50))
    with deterministic() as refused:
        confusion(truth, label, 3, ignore_index=255)
    assert refused == set()
    with deterministic() as refused:
        IoUMetric.intersect_and_union(label, truth, 3, 255)
    assert refused == {'histc'}  # so the others would be noticed
