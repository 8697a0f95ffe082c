"""CCT: its formula by other means, who learns from what, and its last layer."""

import math
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from mmengine.config import Config

from semiseg_mm.errors import UserError
from semiseg_mm.models.decode_heads.shuffle_psp_head import ShuffleClassifier
from semiseg_mm.models.segmentors.cct import untrained_copy
from semiseg_mm.registry import MODELS
from semiseg_mm.testing import toy_batch, toy_network

METHODS = Path(__file__).parents[3] / 'configs/_base_/methods'
BASE = Config.fromfile(METHODS / 'cct.py')


def build(progress: float = 1.0, **kwargs):
    """In eval mode, so that dropout and batch statistics do not hide the formula."""
    torch.manual_seed(0)
    model = MODELS.build(dict(BASE.model.to_dict(), segmentor=toy_network(), **kwargs)).eval()
    model.iteration, model.max_iters = progress, 1
    return model


def losses_of(model) -> dict:
    return model(**model.data_preprocessor(toy_batch(views=['weak']), True), mode='loss')


def consistency(model) -> torch.Tensor:
    return losses_of(model)['loss_consistency']


def test_loss_is_the_published_formula():
    """Of two decoders whose change of the features is plain: what is no object, and what is one."""
    plain = dict(context=dict(type='KeepObjects'), objects=dict(type='RemoveObjects'))
    model = build(progress=0.05, perturbations=plain, decoders={})
    images = model.data_preprocessor(toy_batch(views=['weak']), True)['inputs']['weak']
    seen = model.look('student', images)
    target = seen.logits.softmax(1).detach()
    mask = F.interpolate((target.argmax(1, keepdim=True) > 0).float(), (8, 8), mode='nearest')
    terms = []
    for name, own in dict(context_0=mask, objects_0=1 - mask).items():
        logits = model.auxiliaries[name](seen.embedding * own)
        logits = F.interpolate(logits, (16, 16), mode='bilinear')
        distance = (logits.softmax(1) - target)[:, :, :15, :15].square()
        terms.append(distance.mean())  # without the padding
    expected = 30 * math.exp(-5 * 0.5**2) * (terms[0] + terms[1]) / 2
    torch.testing.assert_close(consistency(model), expected)


def test_the_last_layer_learns_from_labels_alone():
    """The backbone and all thirty decoders learn from the consistency."""
    model = build()
    consistency(model).backward()
    learned = {name for name, p in model.named_parameters() if p.grad is not None and p.grad.any()}
    assert not any('conv_seg' in name for name in learned if name.startswith('networks'))
    assert any('backbone' in name for name in learned)
    decoders = {name.split('.')[1] for name in learned if name.startswith('auxiliaries')}
    assert len(decoders) == len(model.auxiliaries) == 30


def test_the_weight_rises():
    """At the start it is 30 e^-5 = 0.202, after a tenth of the training 30."""
    calm = dict(drop=dict(type='DropChannels', p=0.0))
    start, later, end = (
        consistency(build(p, perturbations=calm, decoders={})) for p in (0, 0.1, 1)
    )
    assert (
        (start / end * 30).item()
        == pytest.approx(30 * math.exp(-5))
        == pytest.approx(0.202, abs=1e-3)
    )
    assert torch.equal(later, end)


def test_torchsemiseg_has_twelve_decoders_and_a_constant_weight():
    own = Config.fromfile(METHODS / 'cct_torchsemiseg.py').model.to_dict()
    model = MODELS.build(dict(own, segmentor=toy_network()))
    names = {name.rpartition('_')[0] for name in model.auxiliaries}
    assert len(model.auxiliaries) == 12 and names == set(own['perturbations']) - {'worst'}
    assert (model.weight, model.rampup) == (30, 0)


def test_unsure_pixels_may_be_left_out():
    """The option of the official code: a mean over the pixels above the threshold."""
    options = dict(filter=dict(type='Threshold', value=0.99))
    assert consistency(build(**options)) == 0 < consistency(build())


def test_each_decoder_has_weights_of_its_own():
    model = build()
    weights = [module.weight for module in model.auxiliaries.values()]
    assert all(weights[0].shape == own.shape for own in weights)
    assert len({own.sum().item() for own in weights}) == 30
    last = model.networks['student'].decode_head.conv_seg.weight
    assert not any(torch.equal(last, own) for own in weights)


def test_what_cannot_work_is_refused():
    with pytest.raises(UserError, match=r'set a number of model\.decoders above 0'):
        build(perturbations=dict(drop=dict(type='DropChannels')), decoders=dict(drop=0))
    with pytest.raises(UserError, match=r'background=3 .* a class from 0 to 2'):
        build(background=3)
    with pytest.raises(UserError, match=r'drop=0.5 of decoders'):
        build(perturbations=dict(drop=dict(type='DropChannels')), decoders=dict(drop=0.5))
    with pytest.raises(UserError, match=r'rampup=100 .* is a share'):
        build(rampup=100)


def test_shuffling_pixels_by_hand():
    """At first each pixel becomes four equal ones; then the four follow their own weights."""
    torch.manual_seed(0)
    layer, x = ShuffleClassifier(3, 2, steps=1), torch.randn(1, 3, 2, 2)
    layer.steps[0].bias.data.zero_()
    logits = layer(x)
    assert logits.shape == (1, 2, 4, 4) and (logits >= 0).all() and logits.any()
    assert torch.equal(logits, F.interpolate(logits[:, :, ::2, ::2], scale_factor=2))
    layer.steps[0].bias.data[5] = 1.0  # class 1, at the top right
    changed = layer(x) != logits
    assert changed[0, 1, ::2, 1::2].all() and changed.sum() == 4


def test_a_decoder_has_the_form_of_the_last_layer_and_starts_without_checkerboard():
    layer = ShuffleClassifier(3, 2, steps=3)
    own = untrained_copy(layer)
    assert own(torch.randn(1, 3, 2, 2)).shape == (1, 2, 16, 16)
    for one, other in zip(own.parameters(), layer.parameters(), strict=True):
        assert one.shape == other.shape and not torch.equal(one, other)
    weights = own.steps[0].weight
    assert torch.equal(weights[::4], weights[3::4])
