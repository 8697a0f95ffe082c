import copy

import pytest
import torch
import torch.nn.functional as F
from mmengine.config import Config
from torch import Tensor

from semiseg_mm.errors import UserError
from semiseg_mm.models.segmentors.cps import agreement
from semiseg_mm.registry import MODELS
from semiseg_mm.structures import MixMask
from semiseg_mm.testing import toy_batch, toy_network
from semiseg_mm.utils.places import METHODS


def build(**kwargs):
    torch.manual_seed(0)
    return MODELS.build(dict(type='CPSSegmentor', segmentor=toy_network(), **kwargs)).eval()


def unsupervised(model, batch=None) -> dict[str, Tensor]:
    losses = model(**model.data_preprocessor(batch or toy_batch(), True), mode='loss')
    return {key: value for key, value in losses.items() if not key.startswith('net_')}


def logits_of(model, view: str) -> tuple[list[Tensor], Tensor]:
    data = model.data_preprocessor(toy_batch(), True)
    images = data['inputs'][view]
    valid = torch.cat([s.valid.data for s in data['data_samples'][view]])
    size = images.shape[2:]
    nets = model.networks.values()
    return [F.interpolate(n._forward(images), size, mode='bilinear') for n in nets], valid


def cross(a: Tensor, b: Tensor, valid: Tensor) -> Tensor:
    """CE(a, argmax b) + CE(b, argmax a), each averaged over the valid pixels."""
    total = 0
    for x, y in ((a, b), (b, a)):
        label = y.argmax(1).masked_fill(~valid, 255)
        total = total + F.cross_entropy(x, label, ignore_index=255)
    return total


def test_loss_is_the_published_formula_on_labeled_and_unlabeled_images():
    model = build(weight=1.5)
    losses = unsupervised(model)
    (x_a, x_b), x_valid = logits_of(model, 'labeled')
    (u_a, u_b), u_valid = logits_of(model, 'weak')
    a, b, valid = (torch.cat(pair) for pair in ((u_a, x_a), (u_b, x_b), (u_valid, x_valid)))
    torch.testing.assert_close(losses['loss_cps'], 1.5 * cross(a, b, valid))


def test_with_cutmix_labels_are_mixed_like_the_images(monkeypatch):
    """Both networks learn the mixed image; the partner's label is made on unmixed images."""
    model = build(weight=5.0, mixer=dict(type='BoxMix'), covers='unlabeled',
                  label_in_train_mode=False)  # fmt: skip
    mask = torch.zeros(2, 16, 16, dtype=torch.bool)
    mask[:, 3:9, 2:12] = True
    mix = MixMask(mask, torch.tensor([1, 0]))
    monkeypatch.setattr(model.mixer, 'draw', lambda images, target: mix)
    losses = unsupervised(model)

    (weak_a, weak_b), valid = logits_of(model, 'weak')
    images = model.data_preprocessor(toy_batch(), True)['inputs']['weak']
    mixed = torch.where(mask[:, None], images.flip(0), images)
    expected = 0
    for net, teacher in (('net_0', weak_b), ('net_1', weak_a)):
        student = F.interpolate(model.networks[net]._forward(mixed), (16, 16), mode='bilinear')
        label = teacher.argmax(1)
        label = torch.where(mask, label.flip(0), label).masked_fill(~valid, 255)
        expected = expected + F.cross_entropy(student, label, ignore_index=255)
    torch.testing.assert_close(losses['loss_cps'], 5.0 * expected)


def test_with_a_threshold_only_confident_pixels_count():
    """The other network's confidence decides; what is left out still counts in the mean."""
    settings = dict(weight=1.0, covers='unlabeled')
    (a, b), valid = logits_of(build(**settings), 'weak')
    threshold = b.softmax(1).amax(1)[valid].median().item()  # keeps half of b's
    model, expected = build(**settings, filter=dict(type='Threshold', value=threshold)), 0
    for student, teacher in ((a, b), (b, a)):
        confidence, label = teacher.softmax(1).max(1)
        kept = (confidence >= threshold) & valid
        pixels = F.cross_entropy(student, label, reduction='none')
        expected = expected + (pixels * kept).sum() / valid.sum()
    torch.testing.assert_close(unsupervised(model)['loss_cps'], expected)


def test_three_networks_count_each_pair_once_and_divide_by_two():
    model = build(weight=1.0, num_networks=3, covers='unlabeled')
    (a, b, c), valid = logits_of(model, 'weak')
    expected = (cross(a, b, valid) + cross(a, c, valid) + cross(b, c, valid)) / 2
    torch.testing.assert_close(unsupervised(model)['loss_cps'], expected)


def test_cpc_is_the_squared_distance_of_probabilities():
    model = build(
        weight=2.0,
        covers='unlabeled',
        pseudo_label=dict(type='SoftPseudoLabel'),
        unsupervised=dict(type='ProbabilityMSE'),
    )
    (a, b), valid = logits_of(model, 'weak')
    distance = (a.softmax(1) - b.softmax(1)).square().mean(1)[valid].mean()
    torch.testing.assert_close(unsupervised(model)['loss_cps'], 2.0 * 2 * distance)


def test_agreement_is_the_share_of_valid_pixels_with_the_same_class():
    """2x2 pixels, classes 0 1 / 1 1 against 0 0 / 1 1; the last pixel is padding: 2 of 3."""
    a = F.one_hot(torch.tensor([[[0, 1], [1, 1]]])).permute(0, 3, 1, 2).float()
    b = F.one_hot(torch.tensor([[[0, 0], [1, 1]]])).permute(0, 3, 1, 2).float()
    valid = torch.tensor([[[True, True], [True, False]]])
    assert agreement(a, b, valid) == pytest.approx(2 / 3)


@pytest.mark.parametrize(
    'wrong, says',
    [
        (dict(num_networks=1), 'two networks'),
        (dict(mixer=dict(type='BoxMix')), "covers='unlabeled'"),
        (dict(student_view='strong'), "'weak'"),
    ],
)
def test_contradictions_are_refused(wrong, says):
    with pytest.raises(UserError, match=says):
        build(**wrong)


def test_networks_may_differ():
    model = MODELS.build(
        dict(type='CPSSegmentor', segmentor=[toy_network(channels=4), toy_network(channels=6)])
    )
    assert model.networks['net_0'].decode_head.channels == 4
    assert 'agreement' in unsupervised(model.eval())


@pytest.mark.parametrize('seen', [['weak', 'weak'], ['strong', 'weak']])
def test_labeled_images_may_be_pasted_with_their_truth(seen):
    """A box as large as the image: both networks learn the truth of the labeled images."""
    mixer = dict(type='BoxMix', area=(1, 1), partner='labeled')
    model = build(weight=1.0, mixer=mixer, covers='unlabeled', label_in_train_mode=False,
                  student_view=seen)  # fmt: skip
    batch = model.data_preprocessor(toy_batch(), True)
    truth = torch.cat([s.gt_sem_seg.data for s in batch['data_samples']['labeled']])
    expected = 0
    for view, net in zip(seen, model.networks.values(), strict=True):
        images = batch['inputs'][view].clone()
        images[..., :15, :15] = batch['inputs']['labeled'][..., :15, :15]
        logits = F.interpolate(net._forward(images), (16, 16), mode='bilinear')
        expected = expected + F.cross_entropy(logits, truth, ignore_index=255)
    torch.testing.assert_close(unsupervised(model)['loss_cps'], expected)


@pytest.mark.parametrize(('threshold', 'kept'), [(0.0, 1), (0.99999, 0), (None, None)])
def test_it_logs_the_share_of_pixels_that_a_filter_keeps(threshold, kept):
    own = None if threshold is None else dict(type='Threshold', value=threshold)
    assert unsupervised(build(filter=own)).get('kept') == kept


def test_a_filter_observes_the_labels_of_all_networks_at_once():
    model, seen = build(filter=dict(type='Threshold', value=0.35)), []
    model.filter.observe = lambda target, progress: seen.append(target.label.shape)
    unsupervised(model)
    assert seen == [(2 * 4, 16, 16)]


def test_diverse_co_training_is_the_published_formula(monkeypatch):
    """(L_1 + L_2) / 2: two architectures, each on strong colours of its own under one box; labels
    from the training forward that the weak view shares with labeled images."""
    own = Config.fromfile(METHODS / 'diverse_cotraining.py').model
    networks = [toy_network(channels=6), toy_network(channels=8)]
    torch.manual_seed(0)
    model = MODELS.build(dict(own, segmentor=networks, filter=dict(type='Threshold', value=0.4)))
    mask = torch.zeros(2, 16, 16, dtype=torch.bool)
    mask[:, 3:9, 2:12] = True
    mix = MixMask(mask, torch.tensor([1, 0]))
    monkeypatch.setattr(model.mixer, 'draw', lambda images, target: mix)
    plain = copy.deepcopy(model.train())
    data = model.data_preprocessor(toy_batch(), True)
    images, samples = data['inputs'], data['data_samples']
    torch.manual_seed(1)  # of the dropout
    losses = model(**data, mode='loss')

    torch.manual_seed(1)
    seen, terms = [], []
    for number, net in enumerate(plain.networks.values()):
        together = net._forward(torch.cat([images['labeled'], images['weak']]))
        _, weak = F.interpolate(together, (16, 16), mode='bilinear').split(2)
        strong = images[f'strong{number + 1}']
        logits = net._forward(torch.where(mask[:, None], strong.flip(0), strong))
        seen.append((weak.softmax(1).max(1), F.interpolate(logits, (16, 16), mode='bilinear')))
    valid = torch.cat([s.valid.data for s in samples['weak']])
    for student, teacher in ((0, 1), (1, 0)):
        confidence, label = (torch.where(mask, x.flip(0), x) for x in seen[teacher][0])
        pixels = F.cross_entropy(seen[student][1], label, reduction='none')
        terms.append((pixels * (confidence >= 0.4) * valid).sum() / valid.sum())
    torch.testing.assert_close(losses['loss_cps'], sum(terms) / 2)


@pytest.mark.parametrize(
    ('wrong', 'says'),
    [
        (dict(student_view=['strong']), 'one view, or one for each of the 2 networks'),
        (dict(mixer=None, student_view='weak'), 'always takes its labels from the training'),
    ],
)
def test_views_and_labels_that_do_not_fit_are_refused(wrong, says):
    with pytest.raises(UserError, match=says):
        build(**{'mixer': dict(type='BoxMix'), 'covers': 'unlabeled', **wrong},
              label_in_training_forward=True)  # fmt: skip
