"""PrevMatch: what is remembered of a network, when, and how it labels."""

from pathlib import Path

import pytest
import torch
from mmengine.config import Config

from semiseg_mm.models import Snapshots
from semiseg_mm.registry import MODELS
from semiseg_mm.testing import toy_batch, toy_network

BASE = Config.fromfile(Path(__file__).parents[3] / 'configs/_base_/methods/prevmatch.py').model


def network(seed: int):
    torch.manual_seed(seed)
    plain = toy_network()
    plain.pop('data_preprocessor')
    built = MODELS.build(plain)
    built.backbone[1].running_mean += torch.rand(6)  # so that statistics matter
    return built.eval()


def build(**options):
    torch.manual_seed(0)
    return MODELS.build(dict(BASE, segmentor=toy_network(), **options))


def remember(model, *seeds: int) -> list:
    """Let the model have had the weights of these networks."""
    for seed in seeds:
        model.auxiliaries['snapshots'].push(network(seed))
    return [network(seed) for seed in seeds]


# ------------------------------------------------------------------ what is remembered


def same(weights: dict, net) -> bool:
    own = {k: v for k, v in net.state_dict().items() if v.is_floating_point()}
    return weights.keys() == own.keys() and all(torch.equal(own[k], weights[k]) for k in own)


def test_the_latest_snapshots_are_kept_with_parameters_and_statistics():
    nets = [network(seed) for seed in range(3)]
    former = Snapshots(nets[0], 2)
    assert len(former) == 0
    for net in nets:
        former.push(net)
    assert len(former) == 2
    for number in (0, 1):
        assert same(former.weights(number, nets[0]), nets[number + 1])


def test_a_snapshot_does_not_follow_the_network():
    net = network(0)
    former = Snapshots(net, 2)
    former.push(net)
    with torch.no_grad():
        net.decode_head.conv_seg.weight.add_(1)
    assert same(former.weights(0, net), network(0))


def test_snapshots_are_stored_as_many_as_there_are():
    net = network(0)
    former, again = Snapshots(net, 3), Snapshots(net, 3)
    former.push(net)
    again.load_state_dict(former.state_dict())
    assert len(again) == 1 and same(again.weights(0, net), net)


def test_snapshots_of_another_network_are_not_taken_over():
    small, net = MODELS.build(dict(toy_network(), data_preprocessor=None)), network(0)
    large = MODELS.build(dict(toy_network(5), data_preprocessor=None))
    former, again = Snapshots(large, 2), Snapshots(small, 2)
    former.push(large)
    again.push(net)
    again.load_state_dict(former.state_dict())
    assert len(again) == 1 and same(again.weights(0, small), net)


# ------------------------------------------------------------------ when


def test_the_weight_is_a_triangle():
    model = build()
    model.max_iters = 10
    assert model.rise == 0  # nothing is remembered yet
    remember(model, 0)
    rises = []
    for model.iteration in (0, 2, 5, 10):
        rises.append(model.rise)
    assert rises == pytest.approx([0, 0.4, 1, 0])


def test_when_is_a_function_of_the_progress_alone():
    """At 0.11, 0.11 x 1.7, 0.11 x 1.7 x 1.7, … of the training."""
    model = build(first=0.11, growth=1.7)
    model.max_iters = 100
    taken = [i for i in range(100) if model.due(i) > model.due(i - 1)]
    assert taken == [11, 19, 32, 55, 92]
    published = build()
    published.max_iters = 10**5
    assert published.due(10**5 - 1) == 32


def test_a_snapshot_is_the_network_before_the_iteration():
    model = build(first=0.5).train()
    model.max_iters = 4
    before = {k: v.clone() for k, v in model.networks['student'].state_dict().items()}
    batch = model.data_preprocessor(toy_batch(), True)
    for model.iteration, known in ((1, 0), (2, 1), (3, 2)):
        model(**batch, mode='loss')
        assert len(model.auxiliaries['snapshots']) == known
    weights = model.auxiliaries['snapshots'].weights(1, model.networks['student'])
    assert torch.equal(
        weights['decode_head.conv_seg.weight'], before['decode_head.conv_seg.weight']
    )
    moved = [k for k in weights if not torch.equal(weights[k], before[k])]
    assert moved and all('running' in k for k in moved)  # nothing else moves without an optimizer


# ------------------------------------------------------------------ how it labels


def test_a_snapshot_equal_to_the_student_labels_as_the_student_in_eval_mode():
    model = build().train()
    model.auxiliaries['snapshots'].push(model.networks['student'])
    images = torch.randn(2, 3, 16, 16)
    expected = model.teach('student', images).logits
    torch.testing.assert_close(model.remember(images), expected)
    assert model.networks['student'].training


@pytest.mark.parametrize('seed', range(4))
def test_logits_are_averaged_with_random_weights(seed):
    """Of two snapshots one or both, weights of each at least 0 and 1 in sum."""
    model, images = build(), torch.randn(2, 3, 16, 16)
    maps = [
        torch.nn.functional.interpolate(net(images), (16, 16), mode='bilinear')
        for net in remember(model, 1, 2)
    ]
    torch.manual_seed(seed)
    found = model.remember(images)
    share = ((found - maps[1]) / (maps[0] - maps[1])).median()
    torch.testing.assert_close(found, share * maps[0] + (1 - share) * maps[1])
    assert -1e-4 <= share <= 1 + 1e-4


def test_snapshots_are_never_validated_or_published():
    model = build()
    remember(model, 1)
    assert model.evaluated == ('student',) and list(model.networks) == ['student']
    assert not any(p.requires_grad for p in model.auxiliaries.parameters())
    assert {k.split('.')[1] for k in model.state_dict() if 'weights_' in k} == {'snapshots'}
