import math

import pytest
import torch
from mmengine.structures import PixelData

from semiseg_mm.errors import UserError
from semiseg_mm.models import SelfTrainingSegmentor
from semiseg_mm.models.segmentors.self_training import stored_label
from semiseg_mm.structures import View
from semiseg_mm.testing import toy_batch, toy_network


def view(label, valid, confidence=None):
    """One image of 1 x W pixels."""
    sample = toy_batch()['data_samples']['pseudo'][0].new()
    sample.gt_sem_seg = PixelData(data=torch.tensor([[label]]))
    if confidence is not None:
        sample.confidence = PixelData(data=torch.tensor([[confidence]], dtype=torch.uint8))
    return View(torch.zeros(1, 3, 1, len(label)), [sample], torch.tensor([[valid]]))


def losses(batch=None, **kwargs):
    torch.manual_seed(0)
    model = SelfTrainingSegmentor(toy_network(), **kwargs).eval()  # no dropout, fixed statistics
    data = model.data_preprocessor(batch or toy_batch(), True)
    return model(**data, mode='loss')


def test_ignored_and_padded_pixels_are_not_valid():
    target = stored_label(view([2, 255, 1], [True, True, False]))
    assert target.label.tolist() == [[[2, 0, 0]]]
    assert target.valid.tolist() == [[[True, False, False]]]


def test_soft_labels_by_hand():
    """Confidence 204 / 255 = 0.8 stays with class 2; 0.2 is shared by the other two."""
    target = stored_label(view([2, 0], [True, True], [204, 255]), soft_classes=3)
    expected = torch.tensor([[0.1, 1.0], [0.1, 0.0], [0.8, 0.0]])  # C,W
    torch.testing.assert_close(target.label[0, :, 0], expected)
    torch.testing.assert_close(target.confidence[0, 0], torch.tensor([0.8, 1.0]))


def test_soft_labels_without_confidences_are_a_sentence():
    with pytest.raises(UserError, match=r"soft=True needs .*confidence=True .*'LoadConfidence'"):
        losses(soft=True)


def test_the_weight_counts_for_the_pseudo_labels_alone():
    one, three = losses(weight=1.0), losses(weight=3.0)
    torch.testing.assert_close(three['loss_pseudo'], 3 * one['loss_pseudo'])
    torch.testing.assert_close(three['sup.decode.loss_ce'], one['sup.decode.loss_ce'])


def test_the_pseudo_loss_is_the_cross_entropy_with_the_stored_labels():
    batch = toy_batch()
    found = losses(batch)
    torch.manual_seed(0)
    model = SelfTrainingSegmentor(toy_network()).eval()
    data = model.data_preprocessor(toy_batch(), True)
    logits = model.networks['student']._forward(data['inputs']['pseudo'])
    logits = torch.nn.functional.interpolate(logits, (16, 16), mode='bilinear')
    label = torch.cat([s.gt_sem_seg.data for s in data['data_samples']['pseudo']])
    expected = torch.nn.functional.cross_entropy(logits, label.squeeze(1), ignore_index=255)
    torch.testing.assert_close(found['loss_pseudo'], expected)
    assert found['pseudo_share'] == 1


def test_what_a_filter_ignored_lowers_the_share():
    batch = toy_batch()
    for sample in batch['data_samples']['pseudo']:
        sample.gt_sem_seg.data[:, :, :8] = 255
    assert math.isclose(losses(batch)['pseudo_share'], 7 / 15, rel_tol=1e-5)  # of 15 valid columns


@pytest.mark.parametrize('joint', [True, False])
def test_joint_forward_decides_what_batch_norm_sees(joint):
    torch.manual_seed(0)
    model = SelfTrainingSegmentor(toy_network(), joint_forward=joint).train()
    norm, seen = model.networks['student'].backbone[1], []
    norm.register_forward_hook(lambda module, inputs, output: seen.append(len(inputs[0])))
    model(**model.data_preprocessor(toy_batch(labeled=3, unlabeled=2), True), mode='loss')
    assert seen == ([5] if joint else [3, 2])
