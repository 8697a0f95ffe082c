"""PixCon and ReCo: their contrasts in a straight line, and one beside any choice of slots."""

from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from mmengine.config import Config

from semiseg_mm.errors import UserError
from semiseg_mm.models import CleanContrast, RegionalContrast
from semiseg_mm.models.losses.average import average
from semiseg_mm.models.pseudo_labels import ConfidentShare
from semiseg_mm.registry import MODELS
from semiseg_mm.structures import PseudoLabel
from semiseg_mm.testing import toy_batch, toy_network

CLASSES = 4
METHODS = Path(__file__).parents[3] / 'configs/_base_/methods'
SMALL = dict(type='ConvProjector', channels=8, out_channels=8, norm_cfg=dict(type='BN'))


def inputs(seed: int = 0, batch: int = 2):
    """Representations, logits and labels of classes 0 to 2; half of the logits are right."""
    torch.manual_seed(seed)
    pixels = torch.randn(batch, 3, 4, 4, requires_grad=True)
    label = torch.randint(0, 3, (batch, 4, 4))
    logits = 3 * torch.randn(batch, CLASSES, 4, 4)
    logits += 4 * F.one_hot(label, CLASSES).permute(0, 3, 1, 2)
    valid = torch.rand(batch, 4, 4) > 0.2
    return pixels, logits, PseudoLabel(label, torch.rand(batch, 4, 4), valid)


def each_pixel(target: PseudoLabel):
    return torch.ones_like(target.valid).nonzero().tolist()


def in_turn(count: int, size: tuple) -> torch.Tensor:
    return torch.arange(torch.Size(size).numel()).view(size) % count


# ------------------------------------------------------------------ PixCon


def test_the_clean_contrast_in_a_straight_line():
    """The second batch learns from the bank of the first, and only then enters it."""
    contrast = CleanContrast(CLASSES, 3, temperature=0.1, size=40)
    bank: list = []
    for seed in range(2):
        pixels, logits, target = inputs(seed)
        if seed == 1:  # class 2 has anchors, of which the bank knows none
            bank = [(c, row) for c, row in bank if c != 2]
            contrast.bank._buffers['class_2'] = torch.zeros(0, 3)
        found = contrast(pixels, logits, target)
        anchors, terms = [], []
        for b, y, x in each_pixel(target):
            c = target.label[b, y, x].item()
            if target.valid[b, y, x] and logits[b, :, y, x].argmax() == c:
                anchors.append((c, pixels[b, :, y, x] / pixels[b, :, y, x].norm()))
        for c, anchor in anchors:
            near = [(anchor @ row / 0.1).exp() for k, row in bank if k == c]
            if near:
                whole = torch.stack([(anchor @ row / 0.1).exp() for _, row in bank]).sum()
                terms.append(-(torch.stack(near).sum() / whole).log())
        expected = torch.stack(terms).mean() if terms else torch.tensor(0.0)
        torch.testing.assert_close(found, expected)
        bank += [(c, row.detach()) for c, row in anchors]
        for c in range(CLASSES):
            rows = [row for k, row in bank if k == c]
            torch.testing.assert_close(
                contrast.bank.rows(c), torch.stack([*rows, torch.zeros(3)])[:-1]
            )
    assert len(terms) < len(anchors)
    found.backward()
    assert pixels.grad.abs().sum() > 0


def test_clean_anchors_are_few_and_the_bank_keeps_the_latest():
    contrast = CleanContrast(CLASSES, 3, anchors=4, size=6)
    for seed in range(4):
        contrast(*inputs(seed))
        sizes = [len(contrast.bank.rows(c)) for c in range(CLASSES)]
        assert sizes == ([4, 4, 4, 0] if seed == 0 else [6, 6, 6, 0])


def test_at_most_so_many_anchors_learn():
    contrast, (pixels, logits, target) = CleanContrast(CLASSES, 3, most=5), inputs()
    contrast(pixels, logits, target)
    contrast(pixels, logits, target).backward()
    assert (pixels.grad.abs().sum(1) > 1e-7).sum() == 5


# ------------------------------------------------------------------ ReCo


def test_the_regional_contrast_in_a_straight_line(monkeypatch):
    """Pixel by pixel; queries take the hard pixels in turn, negatives those that chances draw."""
    contrast = RegionalContrast(
        CLASSES, 3, queries=3, negatives=2, min_confidence=0.2, easy=0.9, temperature=0.5
    )
    pixels, logits, target = inputs()
    monkeypatch.setattr(torch, 'randint', in_turn)
    monkeypatch.setattr(torch, 'multinomial', most_probable)
    found = contrast(pixels, logits, target)
    known = [(b, y, x) for b, y, x in each_pixel(target) if target.valid[b, y, x]]
    known = [q for q in known if target.confidence[q] >= 0.2]
    regions = {c: [q for q in known if target.label[q] == c] for c in range(3)}
    rows = {c: [pixels[b, :, y, x] for b, y, x in own] for c, own in regions.items()}
    means = {c: torch.stack(own).mean(0).detach() for c, own in rows.items()}
    loss, counts = 0, [len(own) for own in rows.values()]
    for c in range(3):
        p = logits.softmax(1)[:, c]
        hard = [pixels[b, :, y, x] for b, y, x in regions[c] if p[b, y, x] < 0.9]
        assert 0 < len(hard) < len(regions[c])
        near = {k: F.cosine_similarity(means[c], means[k], dim=0) for k in range(3) if k != c}
        like = max(near, key=near.get)
        for k in range(3):
            others = [rows[like][(2 * k + j) % counts[like]].detach() for j in range(2)]
            scores = [
                F.cosine_similarity(hard[k % len(hard)], o, dim=0) for o in (means[c], *others)
            ]
            loss = loss - (torch.stack(scores) / 0.5).log_softmax(0)[0] / 3
    torch.testing.assert_close(found, loss / 3)
    (expected,) = torch.autograd.grad(loss / 3, pixels)
    found.backward()  # so neither means nor negatives have a gradient
    torch.testing.assert_close(pixels.grad, expected)


def most_probable(chances: torch.Tensor, count: int, replacement: bool) -> torch.Tensor:
    assert replacement
    return chances.argmax().expand(count)


def test_similar_classes_are_negatives_more_often():
    means = torch.tensor([[1.0, 0], [1, 1], [-1, 0]])
    found = RegionalContrast(3, 2, temperature=0.5).chances_of(means)[0]
    torch.testing.assert_close(found[1:], (torch.tensor([0.5**0.5, -1]) / 0.5).softmax(0))
    assert found[0] == 0


@pytest.mark.parametrize('why', ['one class', 'no confidence', 'easy'])
def test_without_two_classes_or_hard_pixels_there_is_nothing_to_learn(why):
    pixels, logits, target = inputs()
    if why == 'one class':
        target = target._replace(label=target.label * 0)
    if why == 'no confidence':
        target = target._replace(confidence=target.confidence * 0)
    easy = 0.0 if why == 'easy' else 0.97
    loss = RegionalContrast(CLASSES, 3, queries=3, negatives=2, easy=easy)(pixels, logits, target)
    loss.backward()
    assert loss == 0 and (pixels.grad == 0).all()


def test_each_image_has_its_own_share_of_confident_pixels():
    confidence = torch.tensor([[[0.99, 0.5]], [[0.99, 0.98]]])
    valid = torch.tensor([[[True, True]], [[True, False]]])
    target = PseudoLabel(torch.zeros(2, 1, 2).long(), confidence, valid)
    assert ConfidentShare(0.97, of='image')(target).weight.flatten().tolist() == [0.5, 0.5, 1, 1]
    torch.testing.assert_close(ConfidentShare(0.97)(target).weight, torch.full((2, 1, 2), 2 / 3))


def test_the_mean_over_pixels_that_lose_something():
    target = PseudoLabel(None, None, torch.tensor([[[True, True, True, False]]]))
    pixels = torch.tensor([[[2.0, 0, 4, 8]]])
    assert average(pixels, target.weighted(torch.tensor([0.5, 1, 0, 1])), 'nonzero') == 1 / 2


# ------------------------------------------------------------------ beside any slots


def build(name: str, **kwargs):
    torch.manual_seed(0)
    cfg = Config.fromfile(METHODS / f'{name}.py').model.to_dict()
    cfg.update(segmentor=toy_network(CLASSES), **kwargs)
    model = MODELS.build(cfg)
    model.init_weights()
    return model.train()


def losses_of(model) -> dict:
    torch.manual_seed(1)
    return model(**model.data_preprocessor(toy_batch(num_classes=CLASSES), True), mode='loss')


def test_any_method_of_slots_takes_a_contrast():
    """UniMatch with DACS's partner and S4MC's filter: its losses, and a contrast of all views."""
    slots = dict(
        mixer=dict(type='ClassMix', rounding='ceil', partner='labeled'),
        pseudo_label=dict(type='ContextPseudoLabel'),
        filter=dict(type='TopShare', start=0.75, end=0.85),
    )
    plain = build('unimatch', **slots)
    contrast = dict(type='RegionalContrast', queries=4, negatives=4, min_confidence=0.0)
    model = build(
        'unimatch',
        **slots,
        type='ContrastSegmentor',
        contrast=contrast,
        projector=SMALL,
        contrast_weight=0.5,
        contrast_covers='all',
    )
    model.networks.load_state_dict(plain.networks.state_dict())
    seen = []
    forward = model.contrast.forward
    model.contrast.forward = lambda *args: seen.append((args, forward(*args))) or seen[0][1]
    losses = losses_of(model)
    for key, value in losses_of(plain).items():
        torch.testing.assert_close(losses[key], value)
    ((pixels, logits, target), loss), *_ = seen
    assert len(pixels) == len(logits) == len(target.label) == 6  # labeled, strong1, strong2
    assert (target.confidence[:2] == 1).all() and (target.confidence[2:] < 1).any()
    torch.testing.assert_close(losses['loss_contrast'], 0.5 * loss)


def test_pixcon_contrasts_labeled_pixels_and_fills_its_bank():
    model, seen = build('pixcon', projector=SMALL), []
    forward = model.contrast.forward
    model.contrast.forward = lambda *args: seen.append(args) or forward(*args)
    first = losses_of(model)['loss_contrast']
    stored = [model.contrast.bank.rows(c) for c in range(CLASSES)]
    assert first == 0 and any(map(len, stored))
    assert [len(x) for x in seen[0][:2]] == [2, 2]
    losses_of(model)['loss_contrast'].backward()
    assert model.networks['student'].backbone[0].weight.grad.abs().sum() > 0


def test_the_teacher_labels_in_the_mode_that_is_asked_for():
    for name, moves in (('reco', True), ('fixmatch', False)):
        model = build(name)
        norm = model.networks['teacher'].backbone[1]
        before = norm.running_mean.clone()
        losses_of(model)
        assert torch.equal(before, norm.running_mean) is not moves and not norm.training


@pytest.mark.parametrize(
    ('wrong', 'message'),
    [
        (dict(contrast_covers='labelled'), "Did you mean 'labeled'"),
        (
            dict(contrast=dict(type='CleanContrast', channels=8)),
            'channels of model.contrast',
        ),
        (dict(contrast_weight=-1), 'contrast_weight=-1'),
    ],
)
def test_what_cannot_be_is_refused(wrong, message):
    with pytest.raises(UserError, match=message):
        build('pixcon', **wrong)
