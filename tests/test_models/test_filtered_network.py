"""Classes that an image classifier does not find are taken away (the second network of S4GAN)."""

import math
from pathlib import Path

import mmseg.registry as mmseg_registry
import pytest
import torch
from mmengine.config import Config
from mmengine.registry import DefaultScope
from mmseg.models import EncoderDecoder

from semiseg_mm.apis.publish import publish
from semiseg_mm.errors import UserError
from semiseg_mm.models import SemiSegmentor
from semiseg_mm.models.losses import ImageClassLoss, LogitCosine
from semiseg_mm.models.pseudo_labels import LogitPseudoLabel
from semiseg_mm.registry import MODELS
from semiseg_mm.structures import PseudoLabel
from semiseg_mm.testing import toy_config, toy_network

MLMT = dict(
    type='MeanTeacher',
    covers='unlabeled',
    student_view='strong',
    weight=1.0,
    pseudo_label=dict(type='LogitPseudoLabel'),
    unsupervised=dict(type='LogitCosine'),
)


def classifier(**kwargs) -> dict:
    head = dict(type='ImageClassHead', in_channels=6, in_index=0, num_classes=3)
    return dict(toy_network(), decode_head=head, **kwargs)


def filtered(**kwargs) -> dict:
    own = dict(classifier=classifier(), size=(8, 8))
    return dict(toy_network(), type='FilteredEncoderDecoder', **{**own, **kwargs})


def test_the_loss_is_the_mean_cross_entropy_of_each_class_of_images_with_labels():
    """The first image has class 1 beside ignored pixels, the second one no label."""
    logits = torch.tensor([[0.0, math.log(3)], [9.0, 9.0]]).view(2, 2, 1, 1).expand(2, 2, 1, 2)
    target = torch.tensor([[[1, 255]], [[255, 255]]])
    expected = (-math.log(1 / 2) - math.log(3 / 4)) / 2
    found = ImageClassLoss()(logits, target, weight=None, ignore_index=255)
    assert found.item() == pytest.approx(expected)


def test_the_cosine_is_that_of_mean_logits_of_images_that_are_not_all_padding():
    """(1, 0) and (3, 4): 1 - 3/5. The second image is padding."""
    own = torch.tensor([[1.0, 0.0], [1.0, 1.0]]).view(2, 2, 1, 1).expand(2, 2, 1, 2)
    taught = torch.tensor([[[[2.0, 4.0]], [[4.0, 4.0]]], [[[-9.0, 9.0]], [[7.0, 7.0]]]])
    valid = torch.tensor([[[True, False]], [[False, False]]])
    label = LogitPseudoLabel()(taught, valid)
    assert isinstance(label, PseudoLabel) and not label.label.requires_grad
    torch.testing.assert_close(label.confidence[0, 0], torch.tensor([4.0, 4.0]).sigmoid())
    assert LogitCosine()(own, label).item() == pytest.approx(0.4)


def test_improbable_classes_are_taken_away_but_never_all():
    network = MODELS.build(filtered()).eval()
    head = network.classifier.decode_head.conv_seg
    head.weight.data.zero_()
    images = torch.randn(2, 3, 16, 16)
    metas = [dict(img_shape=(16, 16))] * 2
    plain = EncoderDecoder.encode_decode(network, images, metas)
    for chances, kept in {(0.19, 0.21, 0.9): [1, 2], (0.1, 0.05, 0.15): [2]}.items():
        head.bias.data = torch.tensor(chances).logit()
        found = network.encode_decode(images, metas)
        assert torch.equal(found[:, kept], plain[:, kept])
        others = found.softmax(1)[:, [c for c in range(3) if c not in kept]]
        assert not others.any()


def test_the_classifier_sees_the_image_at_its_own_size_and_only_in_tests():
    model = MODELS.build(dict(type='SupOnly', segmentor=filtered())).train()
    network, seen = model.networks['student'], []
    forward = network.classifier.backbone.forward
    network.classifier.backbone.forward = lambda x: seen.append(x.shape) or forward(x)
    assert network.training and not network.classifier.training
    images = torch.randn(1, 3, 16, 12)
    model.look('student', images)
    assert not seen
    network.eval().inference(images, [dict(ori_shape=(16, 12), img_shape=(16, 12))])
    assert seen == [(1, 3, 8, 8)]


@pytest.mark.parametrize(
    ('wrong', 'says'),
    [
        (dict(threshold=20), 'threshold=20'),
        (dict(size=0), 'size=0'),
        (dict(classifier=toy_network()), 'decode_head must be an ImageClassHead'),
    ],
    ids=lambda x: next(iter(x)) if isinstance(x, dict) else '',
)
def test_what_cannot_be_is_refused(wrong, says):
    with pytest.raises(UserError, match=says):
        MODELS.build(filtered(**wrong))


def test_a_classifier_that_nobody_trained_stops_the_training():
    model = MODELS.build(dict(type='SupOnly', segmentor=filtered()))
    with pytest.raises(UserError, match=r'set classifier.init_cfg=dict\(type=.Pretrained'):
        model.init_weights()


def published(cfg: Config, folder: Path, network: str) -> tuple[SemiSegmentor, str, str]:
    """Return a model that was stored, and weights and config of its published network."""
    model = MODELS.build(cfg.model)
    model.init_weights()
    folder.mkdir()
    cfg.dump(folder / 'config.py')
    meta = dict(dataset_meta={}, iter=1, seed=0)
    torch.save(dict(state_dict=model.state_dict(), meta=meta), folder / 'iter_1.pth')
    files = (str(folder / name) for name in ('config.py', 'iter_1.pth', 'out'))
    return model.eval(), *publish(*files, network)


def test_from_the_classifiers_run_to_a_published_network(tmp_path):
    """The classifier's teacher is published; a second run filters by it; that is published."""
    cfg = toy_config(tmp_path, MLMT)
    cfg.model.segmentor = classifier()
    taught, first, _ = published(cfg, tmp_path / 'first', 'teacher')
    cfg = toy_config(tmp_path, dict(type='SupOnly'))
    weights = dict(type='Pretrained', checkpoint=first)
    cfg.model.segmentor = filtered(classifier=classifier(init_cfg=weights))
    trained, out, config = published(cfg, tmp_path / 'second', 'student')
    stored = torch.load(out, weights_only=True)['state_dict']
    own = taught.networks['teacher'].state_dict()
    assert all(torch.equal(stored[f'classifier.{key}'], value) for key, value in own.items())
    plain = Config.fromfile(config)
    assert 'semiseg_mm.models' in plain.custom_imports.imports and first not in plain.pretty_text
    with DefaultScope.overwrite_default_scope('mmseg'):  # as mmseg builds it
        network = mmseg_registry.MODELS.build(plain.model).eval()
    network.load_state_dict(stored)
    images, meta = torch.randn(1, 3, 16, 16), [dict(ori_shape=(16, 16), img_shape=(16, 16))]
    expected = trained.networks['student'].inference(images, meta)
    assert torch.equal(network.inference(images, meta), expected)
