"""How well each class is known, and the parts that use it: losses and mixers of AEL."""

import copy

import pytest
import torch
import torch.nn.functional as F
from mmengine.structures import PixelData
from mmseg.structures import SegDataSample

from semiseg_mm.errors import UserError
from semiseg_mm.models import ClassBoxMix, ClassConfidence, ClassPaste, ClassSampledCrossEntropy
from semiseg_mm.models.mixing import mix_labeled
from semiseg_mm.registry import MODELS
from semiseg_mm.structures import PseudoLabel, View
from semiseg_mm.testing import toy_batch, toy_network


def certain(label: torch.Tensor) -> PseudoLabel:
    return PseudoLabel(label, torch.ones(label.shape), torch.ones_like(label, dtype=torch.bool))


def knowing(part, values: list[float]):
    """Lend a part these confidences of the classes."""
    confidence = ClassConfidence(len(values))
    confidence.value.copy_(torch.tensor(values))
    part.use_confidence(confidence)
    return part


@pytest.mark.parametrize(('absent', 'second'), [('keep', 0.8), ('sink', 0.4)])
def test_confidence_is_the_running_mean_of_the_true_classes_probability(absent, second):
    """2x2 pixels, then 2 of them: 0.6 and 1 of class 0, 0.8 of class 1, one without a label; then
    0.5 and 0.7 of class 0 alone. Momentum 0.75, but the first two iterations count alike."""
    own = ClassConfidence(2, momentum=0.75, absent=absent)
    p = torch.tensor([[[0.6, 1.0], [0.2, 0.9]]]).clamp(max=1 - 1e-7)
    label = torch.tensor([[[0, 0], [1, 0]]])
    valid = torch.tensor([[[True, True], [True, False]]])
    own.observe(torch.stack([p, 1 - p], 1).log(), PseudoLabel(label, p, valid))
    torch.testing.assert_close(own.value, torch.tensor([0.8, 0.8]))
    p = torch.tensor([[[0.5, 0.7]]])
    own.observe(torch.stack([p, 1 - p], 1).log(), certain(torch.zeros(1, 1, 2, dtype=torch.long)))
    torch.testing.assert_close(own.value, torch.tensor([(0.8 + 0.6) / 2, second]))


def test_the_pixels_of_all_processes_count(monkeypatch):
    """This one has a pixel of class 0 with 0.5, the other one three with 0.9 and one of class 1."""
    others = torch.tensor([[2.7, 0.4], [3.0, 1.0]])
    monkeypatch.setattr('semiseg_mm.models.class_confidence.all_reduce', lambda x: x.add_(others))
    own = ClassConfidence(2)
    own.observe(torch.zeros(1, 2, 1, 1), certain(torch.zeros(1, 1, 1, dtype=torch.long)))
    torch.testing.assert_close(own.value, torch.tensor([0.8, 0.4]))


def test_a_pixel_counts_with_its_confidence_and_is_drawn_by_the_class_predicted(monkeypatch):
    """Class 0 is known perfectly and never drawn, class 1 badly and always, class 2 in between."""
    torch.manual_seed(0)
    logits, label = torch.randn(2, 3, 4, 4), torch.randint(0, 3, (2, 4, 4))
    confidence, drawn = torch.rand(2, 4, 4), torch.rand(2, 4, 4)
    target = PseudoLabel(label, confidence, torch.rand(2, 4, 4) < 0.8)
    target = target.weighted((confidence > 0.3).float())
    own = knowing(ClassSampledCrossEntropy(gamma=2.0), [1.0, 0.2, 0.6])
    monkeypatch.setattr(torch, 'rand', lambda shape: drawn)
    weight = confidence**2 * target.valid
    weight *= drawn < torch.tensor([0.0, 1.0, 0.5])[logits.argmax(1)]
    weight /= weight.sum()  # they sum to 1 before a filter leaves pixels out
    expected = (F.cross_entropy(logits, label, reduction='none') * weight)[confidence > 0.3].sum()
    torch.testing.assert_close(own(logits, target), expected)
    assert (weight[logits.argmax(1) == 0] == 0).all() and weight.sum() > 0


def test_the_box_of_an_object_of_an_unknown_class_is_pasted():
    """Class 2 is by far the least known; of three images the last one shows it, as an L in which a
    single pixel elsewhere is too small an object."""
    label = torch.zeros(3, 10, 10, dtype=torch.long)
    label[2, 2:6, 3] = label[2, 5, 3:8] = 2
    label[2, 0, 9] = 2
    own = knowing(ClassBoxMix(area=0.05, present=0.01), [1.0, 1.0, -99.0])
    mix = own.draw(torch.zeros(3, 3, 10, 10), certain(label))
    assert mix.partner[:2].tolist() == [2, 2]
    box = torch.zeros(10, 10, dtype=torch.bool)
    box[2:6, 3:8] = True
    assert torch.equal(mix.mask[0], box) and torch.equal(mix.mask[1], box)
    assert mix.partner[2] != 2 and 0.4 < mix.mask[2].float().mean() < 0.6  # half of the image


def test_boxes_may_come_from_labeled_images_without_their_padding():
    label = torch.ones(1, 10, 10, dtype=torch.long)
    valid = torch.ones(1, 10, 10, dtype=torch.bool)
    valid[:, 8:] = False
    labeled = View(torch.zeros(1, 3, 10, 10), [], valid, certain(label)._replace(valid=valid))
    own = knowing(ClassBoxMix(partner='labeled'), [1.0, -99.0])
    mix = own.draw(torch.zeros(2, 3, 10, 10), None, labeled)
    assert mix.from_labeled and mix.partner.tolist() == [0, 0]
    assert torch.equal(mix.mask, valid.expand(2, -1, -1))


def test_unknown_classes_of_the_next_image_are_pasted():
    """Class 3 is known least, but not among those to draw from; so it is class 1, three times."""
    label = torch.tensor([[[0, 1], [2, 3]], [[1, 1], [0, 3]]])
    own = knowing(ClassPaste(classes=[0, 1, 2], prob=1.0), [1.0, -9999.0, 1.0, -99999.0])
    mix = own.draw(torch.zeros(2, 3, 2, 2), certain(label))
    assert mix.partner.tolist() == [1, 0] and torch.equal(mix.mask, (label == 1).flip(0))
    never = knowing(ClassPaste(prob=0.0), [0.0] * 4)
    assert not never.draw(torch.zeros(2, 3, 2, 2), certain(label)).mask.any()


def test_labeled_images_are_mixed_with_their_labels_and_come_back_whole():
    model = MODELS.build(dict(type='SupOnly', segmentor=toy_network()))
    data = model.data_preprocessor(toy_batch(views=()), True)
    images, samples = data['inputs']['labeled'], data['data_samples']['labeled']
    before = copy.deepcopy((images, [sample.gt_sem_seg.data for sample in samples]))
    view = View(images, samples, torch.cat([sample.valid.data for sample in samples]))
    mixed = mix_labeled(knowing(ClassPaste(count=9, prob=1.0), [0.5] * 3), view)
    truth = torch.cat(before[1])
    pasted = (mixed.inputs != before[0]).any(1)
    own = torch.cat([sample.gt_sem_seg.data for sample in mixed.data_samples])
    assert pasted.any() and torch.equal(own, torch.where(pasted, truth.flip(0), truth))
    assert torch.equal(images, before[0])
    assert all(torch.equal(a.gt_sem_seg.data, b) for a, b in zip(samples, before[1], strict=True))


def test_any_method_may_use_it(monkeypatch):
    """Of CPS the first network's confidence counts; its loss does not cover labeled images."""
    own = dict(type='ClassSampledCrossEntropy', sample=False)
    model = MODELS.build(
        dict(type='CPSSegmentor', segmentor=toy_network(), covers='unlabeled', unsupervised=own,
             class_confidence=dict(type='ClassConfidence'))
    ).eval()  # fmt: skip
    data = model.data_preprocessor(toy_batch(), True)
    seen = []
    monkeypatch.setattr(model.unsupervised, 'forward', lambda x, t: seen.append(x) or x.sum())
    model(**data, mode='loss')
    assert [len(x) for x in seen] == [2, 2]
    labeled, samples = data['inputs']['labeled'], data['data_samples']['labeled']
    p = F.interpolate(model.networks['net_0']._forward(labeled), (16, 16), mode='bilinear')
    truth = torch.cat([sample.gt_sem_seg.data for sample in samples])
    expected = [p.softmax(1)[:, c][truth == c].mean() for c in range(3)]
    torch.testing.assert_close(model.class_confidence.value, torch.stack(expected))


def test_parts_within_parts_may_ask():
    first, second = dict(type='BoxMix', partner='labeled'), dict(type='ClassBoxMix')
    own = dict(mixer=dict(type='MixTwice', first=first, second=second))
    own['class_confidence'] = dict(type='ClassConfidence')
    model = MODELS.build(dict(type='WeakToStrongSegmentor', segmentor=toy_network(), **own))
    assert model(**model.data_preprocessor(toy_batch(), True), mode='loss')['loss_strong'] >= 0
    assert torch.equal(model.mixer.second.unknown, 1 - model.class_confidence.value)


@pytest.mark.parametrize(
    'mixer',
    [
        dict(type='BoxMix', partner='nobody'),
        dict(type='ClassMix', partner='labeled'),
        dict(type='BlendMix'),
        dict(type='MixTwice', first=dict(type='BoxMix'), second=dict(type='BoxMix')),
    ],
    ids=lambda mixer: mixer['type'],
)
def test_mixers_that_leave_a_labeled_pixel_without_one_label_are_refused(mixer):
    sample = SegDataSample(gt_sem_seg=PixelData(data=torch.zeros(1, 4, 4).long()))
    view = View(torch.zeros(2, 3, 4, 4), [sample] * 2, torch.ones(2, 4, 4, dtype=torch.bool))
    with pytest.raises(UserError, match=f'{mixer["type"]} as labeled_mixer'):
        mix_labeled(MODELS.build(mixer), view)


@pytest.mark.parametrize(
    ('draw', 'says'),
    [
        (lambda: ClassBoxMix().draw(torch.zeros(2, 3, 4, 4), certain(torch.zeros(2, 4, 4).long())),
         r"model.class_confidence=dict\(type='ClassConfidence'\)"),
        (lambda: ClassBoxMix().draw(torch.zeros(2, 3, 4, 4)), 'makes them after mixing'),
        (lambda: ClassPaste().draw(torch.zeros(1, 3, 4, 4)), 'sampler.labeled to 2 or more'),
        (lambda: knowing(ClassPaste(classes=[4]), [0.5] * 4).draw(torch.zeros(2, 3, 4, 4)),
         'give numbers from 0 to 3'),
    ],
)  # fmt: skip
def test_what_cannot_work_is_refused(draw, says):
    with pytest.raises(UserError, match=says):
        draw()
