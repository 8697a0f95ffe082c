import torch
import torch.nn.functional as F

from semiseg_mm.registry import MODELS
from semiseg_mm.testing import toy_batch, toy_network


def build(**kwargs):
    torch.manual_seed(0)
    model = MODELS.build(dict(type='MeanTeacher', segmentor=toy_network(), **kwargs)).eval()
    for parameter in model.networks['student'].parameters():
        parameter.data += 0.1 * torch.randn_like(parameter)  # as if it had been trained
    return model


def consistency(model) -> dict:
    losses = model(**model.data_preprocessor(toy_batch(), True), mode='loss')
    return {key: value for key, value in losses.items() if 'consistency' in key}


def distance(model, *pairs):
    """Squared distance of student and teacher, one mean over the valid pixels of all views."""
    data, parts = model.data_preprocessor(toy_batch(), True), []
    for student_view, teacher_view in pairs:
        valid = torch.cat([s.valid.data for s in data['data_samples'][student_view]])
        maps = [
            F.interpolate(net._forward(data['inputs'][view]), (16, 16), mode='bilinear')
            for net, view in zip(model.networks.values(), (student_view, teacher_view), strict=True)
        ]
        parts.append((maps[0].softmax(1) - maps[1].softmax(1)).square().mean(1)[valid])
    return torch.cat(parts).mean()


def test_weak_views_on_labeled_and_unlabeled_images_as_in_torchsemiseg():
    model = build(weight=100.0, covers='all')
    expected = 100 * distance(model, ('weak', 'weak'), ('labeled', 'labeled'))
    assert expected > 1e-4
    torch.testing.assert_close(consistency(model)['loss_consistency'], expected)


def test_the_student_may_see_the_strong_view():
    model = build(weight=10.0, covers='unlabeled', student_view='strong')
    expected = 10 * distance(model, ('strong', 'weak'))
    torch.testing.assert_close(consistency(model)['loss_consistency'], expected)


def test_the_weight_ramps_up_with_the_iteration():
    """At 0 of 10 iterations exp(-5) of the weight, at 10 all of it."""
    model = build(weight=100.0, covers='unlabeled', rampup_iters=10)
    values = []
    for iteration in (0, 10):
        model.iteration = iteration
        values.append(consistency(model)['loss_consistency'])
    torch.testing.assert_close(values[0], values[1] * torch.tensor(-5.0).exp())
