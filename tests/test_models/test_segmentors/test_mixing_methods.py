"""The formulas of the methods that are choices of a mixer, each computed in a straight line."""

import pytest
import torch
import torch.nn.functional as F
from test_weak_to_strong import BOX, build, data, losses, mixed, predict, supervised, total

from semiseg_mm.errors import UserError
from semiseg_mm.structures import MixMask

INNER = (..., slice(15), slice(15))  # the outermost row and column are padding
VALID = torch.zeros(2, 16, 16, dtype=torch.bool)
VALID[INNER] = True
SWAPPED = torch.tensor([1, 0])


def plain(name: str, value: float = 0.4, **kwargs):
    """Without colours, and with a teacher in eval mode: what it makes in train mode is random."""
    share = dict(type='ConfidentShare', value=value)
    model = build(name, filter=share, label_in_train_mode=False, **kwargs)
    model.colours.forward = lambda images: images
    return model


def share_of(probabilities: torch.Tensor, threshold: float = 0.4) -> torch.Tensor:
    share = (probabilities.amax(1)[INNER] >= threshold).float().mean()
    assert 0 < share < 1
    return share


def over_all(pixels: torch.Tensor) -> torch.Tensor:
    return pixels[VALID].sum() / pixels.numel()


@pytest.mark.parametrize('name', ['classmix', 'complexmix'])
def test_classmix_is_the_published_formula(name):
    """Cross entropy with the largest of the mixed probabilities, times the confident share."""
    model = plain(name)
    inputs = data(model)['inputs']
    probabilities = mixed(predict(model, 'teacher', inputs['weak']).softmax(1))
    student = predict(model, 'student', mixed(inputs['strong']))
    pixels = F.cross_entropy(student, probabilities.argmax(1), reduction='none')
    expected = supervised(model) + share_of(probabilities) * over_all(pixels)
    torch.testing.assert_close(total(model), expected)


def test_classmix_labels_in_train_mode_and_changes_colours():
    model = build('classmix')
    assert model.label_in_train_mode and model.colours.ranges['saturation'] == (0.75, 1.25)
    assert model.colours.gray_prob == 0 and model.filter.value == 0.968


def test_dacs_is_the_published_formula():
    """Truth is pasted and counts 1; all other pixels count as much as confident ones there are."""
    model = plain('dacs')
    batch, mask = data(model), BOX & VALID
    model.mixer.draw = lambda *_: MixMask(mask, SWAPPED, from_labeled=True)
    truth = torch.cat([s.gt_sem_seg.data for s in batch['data_samples']['labeled']])[SWAPPED]
    pasted = batch['inputs']['labeled'][SWAPPED]
    probabilities = predict(model, 'teacher', batch['inputs']['weak']).softmax(1)
    images = torch.where(mask[:, None], pasted, batch['inputs']['strong'])
    label = torch.where(mask, truth, probabilities.argmax(1))
    pixels = F.cross_entropy(predict(model, 'student', images), label, reduction='none')
    weight = torch.where(mask, 1.0, share_of(probabilities))
    torch.testing.assert_close(total(model), supervised(model) + over_all(pixels * weight))


def test_dacs_pastes_half_of_the_classes_of_a_labeled_image_rounded_up():
    model = build('dacs')
    assert (model.mixer.rounding, model.mixer.partner) == ('ceil', 'labeled')


def test_cutout_is_the_published_formula():
    """The image is seen in the box alone; the share is that of the whole image."""
    model = build('cutout', filter=dict(type='ConfidentShare', value=0.4))
    inputs = data(model)['inputs']
    model.mixer.draw = lambda *_: MixMask(~BOX, None)
    probabilities = predict(model, 'teacher', inputs['weak']).softmax(1)
    student = predict(model, 'student', inputs['strong'] * BOX[:, None]).softmax(1)
    squares = (student - probabilities).square().sum(1) * BOX
    expected = supervised(model) + share_of(probabilities) * over_all(squares)
    torch.testing.assert_close(total(model), expected)


def test_cutout_needs_no_partner_and_shows_boxes_of_all_sizes():
    model, shares = build('cutout'), []
    del model.mixer.draw
    for _ in range(60):
        seen = ~model.mixer.draw(torch.zeros(1, 3, 40, 40)).mask[0]
        assert seen.sum() == seen.any(0).sum() * seen.any(1).sum()  # a rectangle
        shares.append(seen.float().mean())
    assert min(shares) < 0.2 and max(shares) > 0.8


SHARE = dict(type='ConfidentShare', value=0.4)


def blended(share: float, **kwargs):
    model = build('ict', filter=SHARE, **kwargs)
    model.mixer.draw = lambda *_: MixMask(torch.full((2, 1, 1), share), SWAPPED)
    return model


def test_ict_is_the_published_formula():
    """Images, probabilities and confidences are blended; padding counts by the rest."""
    model, share = blended(0.3), 0.3
    inputs = data(model)['inputs']
    own = predict(model, 'teacher', inputs['weak']).softmax(1)
    target = (1 - share) * own + share * own.flip(0)
    confidence = (1 - share) * own.amax(1) + share * own.amax(1).flip(0)
    strong = (1 - share) * inputs['strong'] + share * inputs['strong'].flip(0)
    squares = (predict(model, 'student', strong).softmax(1) - target).square().sum(1)
    model.filter.value = confidence[INNER].median().item()
    sure = (confidence[INNER] >= model.filter.value).float().mean()
    torch.testing.assert_close(total(model), supervised(model) + sure * over_all(squares))


@pytest.mark.parametrize('share', [0.0, 1.0])
def test_ict_with_one_of_two_images_is_a_mean_teacher(share):
    """Whichever of the two it is, as there are both in the batch."""
    found, unmixed = losses(blended(share)), losses(build('ict', mixer=None, filter=SHARE))
    torch.testing.assert_close(found['loss_strong'], unmixed['loss_strong'])


def test_ict_refuses_hard_labels():
    with pytest.raises(UserError, match='SoftPseudoLabel'):
        losses(blended(0.3, pseudo_label=dict(type='HardPseudoLabel')))


@pytest.mark.parametrize('sees_weak', [False, True])
def test_augseg_is_the_published_formula(sees_weak):
    """The first image's partner, the second one, has got a labeled box; the first shows its left
    half, the second that of the first one. The mean is over all pixels."""
    threshold = dict(type='Threshold', value=0.4)
    model = build('augseg', filter=threshold, sees_weak=sees_weak)
    batch, half = data(model), torch.zeros(2, 16, 16, dtype=torch.bool)
    half[..., :8] = True
    injected = BOX.flip(0) & VALID
    model.mixer.first.draw = lambda *_: MixMask(injected, torch.tensor([0, 1]), True)
    model.mixer.second.draw = lambda *_: MixMask(half, SWAPPED)
    truth = torch.cat([s.gt_sem_seg.data for s in batch['data_samples']['labeled']])
    confidence, label = predict(model, 'teacher', batch['inputs']['weak']).softmax(1).max(1)
    strong, labeled = batch['inputs']['strong'], batch['inputs']['labeled']
    found = []
    for own, other in ((strong, labeled), (label, truth), (confidence, torch.ones(2, 16, 16))):
        wide = (lambda mask: mask[:, None]) if own.dim() == 4 else (lambda mask: mask)
        between = torch.where(wide(injected), other, own)
        found.append(torch.where(wide(half), between[SWAPPED], own))
    images, label, confidence = found
    pixels = F.cross_entropy(predict(model, 'student', images), label, reduction='none')
    expected = supervised(model) + over_all(pixels * (confidence >= 0.4))
    torch.testing.assert_close(total(model), expected)
