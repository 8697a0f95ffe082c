"""U2PL: rules of the bank by hand, the contrast in a straight line, and the shares of pixels."""

from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from mmengine.config import Config

from semiseg_mm.errors import UserError
from semiseg_mm.models import ClassBank, UnreliableContrast
from semiseg_mm.models.pseudo_labels import entropy_of, quantile
from semiseg_mm.registry import MODELS
from semiseg_mm.testing import toy_batch, toy_network

BASE = Config.fromfile(Path(__file__).parents[3] / 'configs/_base_/methods/u2pl.py').model
CLASSES = 5
PLAIN_NORM = dict(type='BN')

# ------------------------------------------------------------------ the bank


def rows(*values):
    return torch.tensor(values, dtype=torch.float32).view(-1, 1)


def test_a_bank_keeps_the_latest_rows_of_each_class():
    bank = ClassBank(2, 1, [3, 2])
    bank.push([rows(1, 2), rows(7)])
    bank.push([rows(3, 4), rows()])
    assert bank.rows(0).flatten().tolist() == [2, 3, 4]
    assert bank.rows(1).flatten().tolist() == [7]
    bank.push([rows(), rows(8, 9, 10)])
    assert bank.rows(1).flatten().tolist() == [9, 10]


def test_a_bank_of_other_classes_is_not_taken_over():
    """Its rows would be of other things."""
    bank, again = ClassBank(2, 1, 3), ClassBank(3, 1, 3)
    bank.push([rows(1, 2), rows(3)])
    again.push([rows(), rows(7), rows()])
    again.load_state_dict(bank.state_dict())
    assert [again.rows(c).flatten().tolist() for c in range(3)] == [[], [7], []]


def test_a_bank_keeps_something():
    with pytest.raises(UserError, match='at least one row'):
        ClassBank(2, 1, 0)


def test_a_bank_is_stored_with_the_rows_that_it_has():
    bank, again = ClassBank(2, 1, 3), ClassBank(2, 1, 3)
    bank.push([rows(1, 2), rows()])
    again.load_state_dict(bank.state_dict())
    assert [again.rows(c).flatten().tolist() for c in (0, 1)] == [[1, 2], []]


def test_sizes_must_be_as_many_as_classes():
    with pytest.raises(UserError, match='2 sizes, the data has 3 classes'):
        ClassBank(3, 1, [4, 4])


# ------------------------------------------------------------------ negatives

# five classes; the first pixel's order is 4 3 2 1 0, the second's 0 1 2 3 4
ORDERS = torch.tensor([[0.05, 0.1, 0.15, 0.3, 0.4], [0.4, 0.3, 0.15, 0.1, 0.05]])


def negatives(label, unreliable, labeled, **kwargs) -> list[list[bool]]:
    """Per class, whether the two pixels of one image are negatives of it."""
    contrast = UnreliableContrast(CLASSES, 1, **kwargs)
    probabilities = ORDERS.T.reshape(1, CLASSES, 1, 2)
    label, unreliable = torch.tensor([[label]]), torch.tensor([[unreliable]])
    found = contrast.negatives_of(probabilities, label, unreliable, labeled)
    return [own.flatten().tolist() for own in found]


def test_labeled_negatives_are_likely_mistakes():
    """Pixel 0 is a 4 and may be taken for 3 or 2; pixel 1 is unknown."""
    found = negatives([4, 0], [True, False], labeled=1)
    assert found == [[False] * 2, [False] * 2, [True, False], [True, False], [False] * 2]


def test_unlabeled_negatives_are_unreliable_pixels_where_the_class_ranks_low():
    """Ranks 3 and 4 (of 0): for pixel 0 classes 1 and 0, for pixel 1 classes 3 and 4."""
    found = negatives([4, 0], [True, True], labeled=0)
    assert found == [[True, False], [True, False], [False] * 2, [False, True], [False, True]]
    found = negatives([4, 0], [True, True], labeled=0, high_rank=4)
    assert found == [[False] * 2, [True, False], [False] * 2, [False, True], [False] * 2]
    assert not any(map(any, negatives([4, 0], [False, False], labeled=0)))


def test_the_official_negatives_are_others():
    """No labeled ones; unlabeled ones are labeled as the class, though it ranks low."""
    assert not any(map(any, negatives([4, 0], [True, True], labeled=1, official_bugs=True)))
    found = negatives([1, 0], [True, True], labeled=0, official_bugs=True)
    assert found == [[False] * 2, [True, False], [False] * 2, [False] * 2, [False] * 2]


def test_no_negative_of_a_class_carries_its_label():
    torch.manual_seed(0)
    probabilities = torch.rand(4, CLASSES, 6, 6).softmax(1)
    label, unreliable = torch.randint(0, CLASSES, (4, 6, 6)), torch.rand(4, 6, 6) > 0.5
    found = UnreliableContrast(CLASSES, 1).negatives_of(probabilities, label, unreliable, 2)
    for number, own in enumerate(found):
        assert own[:2].any() and not (own[:2] & (label[:2] == number)).any()


def test_too_few_classes_are_refused_with_advice():
    with pytest.raises(UserError, match=r'low_rank=1 and high_rank=2'):
        UnreliableContrast(2, 8)
    assert UnreliableContrast(2, 8, low_rank=1, high_rank=2)


@pytest.mark.parametrize(('low', 'high'), [(1, 1), (0, 2), (3, 2)])
def test_ranks_must_leave_something_between_them(low, high):
    with pytest.raises(UserError, match='leave no rank between them'):
        UnreliableContrast(CLASSES, 8, low_rank=low, high_rank=high)


# ------------------------------------------------------------------ the loss


def contrast_inputs(seed: int = 0):
    torch.manual_seed(seed)
    student, teacher = (torch.randn(2, 3, 4, 4) for _ in range(2))
    probabilities = (3 * torch.randn(2, CLASSES, 4, 4)).softmax(1)
    label = torch.randint(0, 3, (2, 4, 4))  # classes 3 and 4 are absent
    reliable = torch.rand(2, 4, 4) > 0.3
    unreliable = torch.rand(2, 4, 4) > 0.3
    return student.requires_grad_(), teacher, probabilities, label, reliable, unreliable


def in_turn(count: int, size: tuple) -> torch.Tensor:
    return torch.arange(torch.Size(size).numel()).view(size) % count


def test_the_contrast_in_a_straight_line(monkeypatch):
    """Pixel by pixel; every draw takes the first rows in turn."""
    contrast = UnreliableContrast(CLASSES, 3, anchors=4, negatives=2, temperature=0.5)
    student, teacher, p, label, reliable, unreliable = inputs = contrast_inputs()
    monkeypatch.setattr(torch, 'randint', in_turn)
    found = contrast(*inputs, labeled=1)
    banks = {c: [] for c in range(CLASSES)}
    pixels = [(b, y, x) for b in range(2) for y in range(4) for x in range(4)]
    for b, y, x in pixels:
        order = p[b, :, y, x].argsort(descending=True).tolist()
        for c in range(CLASSES):
            rank, wrong = order.index(c), label[b, y, x] != c
            hit = (rank < 3 and wrong) if b == 0 else rank >= 3
            if unreliable[b, y, x] and hit:
                banks[c].append(teacher[b, :, y, x])
    terms, present = [], 0
    for c in range(CLASSES):
        members = [q for q in pixels if label[q] == c and reliable[q]]
        present += bool(members)
        anchors = [student[b, :, y, x] for b, y, x in members if p[b, c, y, x] > 0.3]
        if not anchors or not banks[c]:
            continue
        positive = torch.stack([teacher[b, :, y, x] for b, y, x in members]).mean(0)
        total = 0
        for k in range(4):
            anchor = anchors[k % len(anchors)]
            others = [positive, *(banks[c][(2 * k + j) % len(banks[c])] for j in range(2))]
            cosines = torch.stack([F.cosine_similarity(anchor, o, dim=0) for o in others]) / 0.5
            total = total - cosines.log_softmax(0)[0]
        terms.append(total / 4)
    assert present == 3 and len(terms) == 3
    torch.testing.assert_close(found, torch.stack(terms).sum() / present)
    found.backward()
    assert student.grad.abs().sum() > 0
    for c in range(CLASSES):
        torch.testing.assert_close(contrast.bank.rows(c), torch.stack(banks[c]))


def test_with_less_than_two_classes_there_is_nothing_to_tell_apart():
    student, teacher, p, label, reliable, unreliable = contrast_inputs()
    loss = UnreliableContrast(CLASSES, 3)(
        student, teacher, p, label * 0 + 1, reliable, unreliable, labeled=1
    )
    loss.backward()
    assert loss == 0 and (student.grad == 0).all()


def test_banks_never_exceed_their_sizes():
    contrast = UnreliableContrast(CLASSES, 3, size=5, first_size=7)
    for seed in range(6):
        contrast(*contrast_inputs(seed), labeled=1)
    assert [len(contrast.bank.rows(c)) for c in range(CLASSES)] == [7, 5, 5, 5, 5]


# ------------------------------------------------------------------ the method


def build(progress: float = 0.0, **kwargs):
    torch.manual_seed(0)
    cfg = BASE.to_dict()
    cfg['projector'].update(channels=8, out_channels=8, norm_cfg=PLAIN_NORM)
    model = MODELS.build(dict(cfg, segmentor=toy_network(num_classes=CLASSES), **kwargs))
    model.init_weights()
    model.iteration, model.max_iters = progress, 1
    return model.train()


def losses_of(model) -> dict:
    torch.manual_seed(1)
    return model(**model.data_preprocessor(toy_batch(num_classes=CLASSES), True), mode='loss')


def test_the_unreliable_share_falls_to_nothing():
    """20 % of the pixels are dropped at the start, 10 % in the middle, one at the end."""
    valid = 2 * 15 * 15
    for progress, share in ((0.0, 0.8), (0.5, 0.9), (1.0, 1.0)):
        kept = losses_of(build(progress))['kept'].item()
        assert abs(kept - share) <= 3 / valid, progress  # pixels may tie


def test_the_loss_on_kept_pixels_is_divided_by_their_share(monkeypatch):
    """CE over the kept pixels, times all pixels over the kept ones."""
    model, seen = build(0.0, mixer=None), []

    def three(logits, target):
        seen.append(target)
        return 0 * logits.sum() + 3

    monkeypatch.setattr(model.unsupervised, 'forward', three)
    loss = losses_of(model)['loss_strong']
    kept, valid = seen[0].kept.sum(), seen[0].valid.sum()
    torch.testing.assert_close(loss, 3 * valid / kept)


@pytest.mark.parametrize(
    'wrong',
    [
        dict(teacher='self'),
        dict(strong_views=('strong', 'other')),
        dict(covers='all'),
        dict(filter_before_mixing=True),
        dict(dropped_weight=0.5),
        dict(perturbation=dict(type='ChannelDropout')),
        dict(filter=dict(type='Threshold')),
        dict(contrast=dict(type='UnreliableContrast', num_classes=7)),
    ],
    ids=lambda wrong: next(iter(wrong)),
)
def test_what_the_method_decides_cannot_be_set(wrong):
    says = f'model.{next(iter(wrong))} is set by U2PLSegmentor itself'
    if 'contrast' in wrong:
        says = 'num_classes of model.contrast follow from the method'
    with pytest.raises(UserError, match=says):
        build(**wrong)


@pytest.mark.parametrize('wrong', [dict(unreliable=20), dict(supervised_until=80)])
def test_percentages_and_epochs_are_no_shares(wrong):
    with pytest.raises(UserError, match='is a share: give a number from 0 to 1'):
        build(**wrong)


def test_until_its_time_only_labels_are_learned():
    losses = losses_of(build(0.4, supervised_until=0.5))
    assert losses['loss_strong'] == losses['loss_contrast'] == 0
    model = build(0.5, supervised_until=0.5)
    model.contrast.min_probability = 0.0
    losses = losses_of(model)
    assert losses['loss_strong'] > 0 and losses['loss_contrast'] > 0
    assert any(len(model.contrast.bank.rows(c)) for c in range(CLASSES))


def test_the_teacher_moves_its_own_statistics_and_stays_in_eval_mode():
    model = build()
    teacher = model.networks['teacher'].backbone[1]
    projector = model.auxiliaries['teacher_projector']
    before = [teacher.running_mean.clone(), projector.layers[0].bn.running_mean.clone()]
    losses_of(model)
    assert not torch.equal(before[0], teacher.running_mean)
    assert not torch.equal(before[1], projector.layers[0].bn.running_mean)
    assert not teacher.training and not projector.training


def test_entropy_and_quantiles_by_hand():
    p = torch.tensor([[0.25, 0.75], [0.5, 0.5]])
    found = entropy_of(p.log().view(2, 2, 1, 1)).flatten()
    torch.testing.assert_close(found, -(p * p.log()).sum(1))
    values = torch.tensor([4.0, 1.0, 3.0, 2.0])
    assert [quantile(values, q).item() for q in (0.0, 0.25, 0.5, 1.0)] == [1, 1, 2, 4]
    assert quantile(values[:0], 0.5) == float('inf')
