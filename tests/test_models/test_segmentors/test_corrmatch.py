"""CorrMatch: the correlation, the running threshold, filled regions, and the whole formula."""

from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
import torch.nn.functional as F
from mmengine.config import Config

from semiseg_mm.errors import UserError
from semiseg_mm.models import Correlation, RunningThreshold
from semiseg_mm.models.pseudo_labels import draw_regions, propagate, spread_logits
from semiseg_mm.registry import MODELS
from semiseg_mm.structures import MixMask, PseudoLabel
from semiseg_mm.testing import toy_batch, toy_network

BASE = Config.fromfile(Path(__file__).parents[3] / 'configs/_base_/methods/corrmatch.py').model
SMALL = dict(BASE.correlation, norm_cfg=dict(type='BN'))


def build(**options):
    torch.manual_seed(0)
    return MODELS.build(dict(BASE, segmentor=toy_network(), correlation=SMALL, **options))


# ------------------------------------------------------------------ the correlation


def test_rows_sum_to_one_and_are_the_formula():
    torch.manual_seed(0)
    own = Correlation(0, 5, num_classes=3, channels=4, norm_cfg=dict(type='BN')).eval()
    features = torch.randn(2, 5, 2, 3)
    shared = F.relu(own.project[0].bn(own.project[0].conv(features)))
    a, b = own.a(shared).reshape(2, 3, 6), own.b(shared).reshape(2, 3, 6)
    expected = (torch.einsum('nci,ncj->nij', a, b) / 3**0.5).softmax(2)
    rows = own(own.choose((features,)))
    torch.testing.assert_close(rows, expected)
    torch.testing.assert_close(rows.sum(2), torch.ones(2, 6))


def test_logits_go_where_the_rows_say():
    """Of two places the first one looks at the second, the second at both."""
    rows = torch.tensor([[[0.0, 1.0], [0.5, 0.5]]], requires_grad=True)
    logits = torch.tensor([[[[4.0, 2.0]]]], requires_grad=True)
    found = spread_logits(logits, rows, (1, 2), align_corners=True)
    assert found.tolist() == [[[[1.0, 5.0]]]]
    found.sum().backward()
    assert logits.grad is None and rows.grad.any()


def test_regions_are_the_upper_half_of_a_row(monkeypatch):
    rows = torch.tensor([[[0.1, 0.2, 0.3], [0.3, 0.6, 0.1], [1 / 3, 1 / 3, 1 / 3]]])
    monkeypatch.setattr(torch, 'randint', lambda high, size: torch.tensor([1, 2]))
    found = draw_regions(rows, (1, 3), (1, 3), 2, align_corners=True)
    assert found.tolist() == [[[[False, True, False]], [[False, False, False]]]]


# ------------------------------------------------------------------ regions that are filled


def filled(label: list, kept: list, regions: list, share: float) -> tuple[list, list]:
    label, kept, regions = (torch.tensor([x]) for x in (label, kept, regions))
    given = PseudoLabel(label.unsqueeze(1), kept.unsqueeze(1).float(), kept.unsqueeze(1) >= 0)
    given = given.weighted(kept.unsqueeze(1).float())
    found = propagate(given, regions.bool().unsqueeze(2), share, 3)
    return found.label.flatten().tolist(), found.kept.flatten().int().tolist()


@pytest.mark.parametrize(
    ('share', 'label', 'kept'),
    [
        (0.5, [1, 1, 1, 1, 0], [1, 1, 1, 1, 0]),  # 3 of 4 are kept, 2 of these 3 are a 1
        (0.7, [1, 1, 2, 0, 0], [1, 1, 1, 0, 0]),  # 2 / 3 is too little,
        (0.8, [1, 1, 2, 0, 0], [1, 1, 1, 0, 0]),  # and so is 3 / 4
    ],
)
def test_a_region_with_one_sure_class_gets_it_everywhere(share, label, kept):
    found = filled([1, 1, 2, 0, 0], [1, 1, 1, 0, 0], [[1, 1, 1, 1, 0]], share)
    assert found == (label, kept)


def test_all_regions_vote_on_the_label_as_it_came_and_the_later_one_is_seen():
    """The first one makes a 1 of pixel 2; the second one votes with the 2 that it was."""
    found = filled([1, 1, 2, 2, 2], [1] * 5, [[1, 1, 1, 0, 0], [0, 0, 1, 1, 1]], 0.6)
    assert found == ([1, 1, 2, 2, 2], [1] * 5)
    found = filled([1, 1, 2, 2, 2], [1] * 5, [[0, 0, 1, 1, 1], [1, 1, 1, 0, 0]], 0.6)
    assert found == ([1, 1, 1, 2, 2], [1] * 5)


def test_a_region_without_a_kept_pixel_stays_as_it_is():
    assert filled([1, 2, 0], [0, 0, 0], [[1, 1, 1], [0, 0, 0]], 0.0) == ([1, 2, 0], [0, 0, 0])


def test_regions_that_do_not_overlap_are_filled_as_in_the_official_loop():
    """One after another, each voting on what is there then."""
    torch.manual_seed(0)
    label, kept = torch.randint(3, (2, 8, 8)), torch.rand(2, 8, 8) < 0.8
    label[torch.rand(2, 8, 8) < 0.6] = 1
    places = torch.randint(6, (2, 8, 8))
    regions = torch.stack([places == k for k in range(6)], 1)
    found = propagate(PseudoLabel(label, kept.float(), kept | True, kept.float()), regions, 0.6, 3)
    expected, more = label.clone(), kept.clone()
    for image in range(2):
        for region in regions[image]:
            voters = region & kept[image]
            classes, count = expected[image][voters].unique(return_counts=True)
            if voters.sum() >= 0.6 * region.sum() and count.max() > 0.6 * count.sum():
                expected[image][region] = classes[count.argmax()]
                more[image] |= region
    assert torch.equal(found.label, expected) and torch.equal(found.kept > 0, more)
    assert more.sum() > kept.sum()


def test_of_soft_labels_the_most_probable_class_fills_a_region():
    soft = F.one_hot(torch.tensor([[[1, 1, 2]]]), 3).movedim(3, 1).float()
    sure = torch.ones(1, 1, 3)
    found = propagate(PseudoLabel(soft, sure, sure > 0, sure), torch.ones(1, 1, 1, 3) > 0, 0.6, 3)
    assert found.label.tolist() == [[[1, 1, 1]]]


# ------------------------------------------------------------------ the threshold


def test_the_threshold_follows_the_highest_confidence_of_the_classes():
    """Class 0 has 0.6, class 2 has 0.9; the padding's 1 of class 1 does not count."""
    keep = RunningThreshold(0.5, momentum=0.8)
    label, confidence = torch.tensor([[[0, 0, 2, 1]]]), torch.tensor([[[0.3, 0.6, 0.9, 1.0]]])
    given = PseudoLabel(label, confidence, torch.tensor([[[True, True, True, False]]]))
    keep.observe(given, 0.0)
    torch.testing.assert_close(keep.value.item(), 0.8 * 0.5 + 0.2 * 0.75)
    assert keep(given).kept.tolist() == [[[0, 1, 1, 0]]] and 'value' in keep.state_dict()
    before = keep.value.clone()
    keep.observe(given._replace(valid=given.valid & False), 0.0)
    assert torch.equal(keep.value, before)


def test_the_threshold_stays_between_what_it_has_seen():
    keep, seen = RunningThreshold(0.5, momentum=0.3), [0.5]
    for seed in range(20):
        torch.manual_seed(seed)
        confidence = torch.rand(1, 2, 3) * 0.5 + 0.3
        keep.observe(PseudoLabel(torch.randint(3, (1, 2, 3)), confidence, confidence > 0), 0.0)
        seen += confidence.flatten().tolist()
        assert min(seen) <= keep.value <= max(seen)


# ------------------------------------------------------------------ the method


def test_the_published_formula(monkeypatch):
    """(L_x / 2 + L_xc / 2 + (L_s + L_kl + L_fp + L_c) / 4) / 2, in a straight line."""
    model = build(filter=dict(type='RunningThreshold', value=0.44, momentum=0.9)).eval()
    box = torch.zeros(2, 16, 16, dtype=torch.bool)
    box[0, 3:9, 2:12] = True
    model.mixer.draw = lambda images, target=None: MixMask(box, torch.tensor([1, 0]))
    drop = torch.tensor([2.0, 0, 2, 0, 2, 0]).view(1, 6, 1, 1)
    fixed = SimpleNamespace(dropout2d=lambda x, p: x * drop)
    monkeypatch.setattr('semiseg_mm.models.perturbations.channel_dropout.F', fixed)
    batch = model.data_preprocessor(toy_batch(), True)
    inputs, samples = batch['inputs'], batch['data_samples']['labeled']
    places = torch.randint(64, (128,))
    monkeypatch.setattr(torch, 'randint', lambda high, size: places)
    found, _ = model.parse_losses(model(**batch, mode='loss'))

    net, own = model.networks['student'], model.auxiliaries['correlation']

    def large(x):
        return F.interpolate(x, (16, 16), mode='bilinear')

    def seen(images, factor=None):
        features = net.backbone(images)[0]
        logits = large(net.decode_head([features if factor is None else features * factor]))
        rows = own(features)
        small = F.interpolate(logits.detach(), (8, 8), mode='bilinear').flatten(2)
        return logits, large((small @ rows).view(2, 3, 8, 8)), rows

    def mixed(x):
        return torch.where(box, x[[1, 0]], x)

    strong = torch.where(box[:, None], inputs['strong'][[1, 0]], inputs['strong'])
    known, known_c, _ = seen(inputs['labeled'])
    weak, weak_c, rows = seen(inputs['weak'])
    far, far_c, _ = seen(strong)
    dropped, _, _ = seen(inputs['weak'], drop)

    valid = torch.zeros(2, 16, 16, dtype=torch.bool)
    valid[:, :15, :15] = True
    confidence, label = weak.detach().softmax(1).max(1)
    highest = [confidence[valid & (label == k)].max() for k in label[valid].unique()]
    tau = 0.9 * 0.44 + 0.1 * torch.stack(highest).mean()
    torch.testing.assert_close(model.filter.value, tau)
    sure, sure_mixed = (valid & (x >= tau) for x in (confidence, mixed(confidence)))
    maps = large(rows.detach()[:, places].view(2, 128, 8, 8)).flatten(2)
    low, high = maps.amin(2, keepdim=True), maps.amax(2, keepdim=True)
    maps = ((maps - low) / (high - low) > 0.5).view(2, 128, 16, 16) & ~box[:, None] & valid[:, None]
    target = PseudoLabel(mixed(label), mixed(confidence), valid, sure_mixed.float())
    target = propagate(target, maps, tau, 3)  # tested by itself

    def ce(logits, label, kept):
        return (F.cross_entropy(logits, label, reduction='none') * kept).sum() / valid.sum()

    truth = torch.cat([s.gt_sem_seg.data for s in samples])
    labeled = [
        F.cross_entropy(x, truth, ignore_index=255, reduction='none').mean()
        for x in (known, known_c)
    ]
    p, q = weak.detach().softmax(1), far.softmax(1)
    divergence = ((p * (p / q).log()).sum(1) * sure_mixed).sum() / valid.sum()
    carried = (ce(far_c, target.label, target.kept) + ce(weak_c, label, sure)) / 2
    own_terms = ce(far, target.label, target.kept) + divergence + ce(dropped, label, sure) + carried
    torch.testing.assert_close(found, (sum(labeled) / 2 + own_terms / 4) / 2)
    assert target.kept.sum() > sure_mixed.sum() > 0  # some region was filled


def test_no_gradient_of_what_travels_reaches_the_classifier():
    others = dict.fromkeys(('weight', 'dropped_weight', 'consistency_weight'), 0)
    low = dict(type='Threshold', value=0)  # so that all pixels count
    model = build(**others, supervised_weight=0, filter=low).train()
    batch = model.data_preprocessor(toy_batch(), True)
    model.parse_losses(model(**batch, mode='loss'))[0].backward()
    head = model.networks['student'].decode_head
    assert all(p.grad is None or not p.grad.any() for p in head.parameters())
    assert model.networks['student'].backbone[0].weight.grad.any()
    assert all(p.grad.any() for name, p in model.auxiliaries.named_parameters() if 'weight' in name)


def test_the_box_and_padding_are_never_filled(monkeypatch):
    model, seen = build(mixer=dict(type='BoxMix', area=(0.5, 0.5))), []
    module = 'semiseg_mm.models.segmentors.corrmatch'
    monkeypatch.setattr(f'{module}.draw_regions', lambda *args: torch.ones(2, 4, 16, 16).bool())

    def watch(target, regions, share, classes):
        seen.append(regions)
        return propagate(target, regions, share, classes)

    monkeypatch.setattr(f'{module}.propagate', watch)
    draw = model.mixer.draw
    masks = []
    model.mixer.draw = lambda images, target=None: masks.append(draw(images)) or masks[0]
    model(**model.data_preprocessor(toy_batch(), True), mode='loss')
    assert not (seen[0] & masks[0].mask.unsqueeze(1)).any()
    assert not seen[0][..., 15, :].any() and not seen[0][..., 15].any() and seen[0].any()


# ------------------------------------------------------------------ what is refused


@pytest.mark.parametrize('options', [dict(teacher='ema'), dict(strong_views=('strong1',))])
def test_what_follows_from_the_method_is_refused(options):
    with pytest.raises(UserError, match='is set by CorrMatchSegmentor itself: leave it out'):
        build(**options)


def test_a_filter_needs_a_value():
    with pytest.raises(UserError, match='take RunningThreshold or Threshold'):
        build(filter=dict(type='TopShare'))


def test_a_head_that_joins_levels_needs_to_be_told_which_one():
    head = dict(in_channels=[6, 6], in_index=[0, 0], input_transform='resize_concat')
    network = toy_network()
    network['decode_head'].update(head)
    options = dict(BASE, segmentor=network, correlation=SMALL)
    with pytest.raises(UserError, match='set in_index of the part'):
        MODELS.build(options)
    told = dict(SMALL, in_index=0)
    assert MODELS.build(dict(options, correlation=told)).auxiliaries['correlation'].in_index == 0


@pytest.mark.parametrize(
    ('wrong', 'says'),
    [
        (dict(in_index=7), 'in_index=7 of the features is none of -1, 0'),
        (dict(in_channels=9), 'in_channels of'),
    ],
)
def test_a_level_that_is_not_there_and_channels_that_follow_from_it_are_refused(wrong, says):
    correlation = dict(SMALL, **wrong)
    with pytest.raises(UserError, match=says):
        MODELS.build(dict(BASE, segmentor=toy_network(), correlation=correlation))
