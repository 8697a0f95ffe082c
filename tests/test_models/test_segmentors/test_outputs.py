"""What a network gives for a view: logits, features, embedding."""

import pytest
import torch
from torch import nn

from semiseg_mm.errors import UserError
from semiseg_mm.models.segmentors.forward import forward_images
from semiseg_mm.registry import MODELS
from semiseg_mm.testing import toy_batch, toy_network


def build(**kwargs):
    torch.manual_seed(0)
    cfg = dict(type='MeanTeacher', segmentor=toy_network(), **kwargs)
    return MODELS.build(cfg).eval()


def outputs_of(model) -> dict:
    """The outputs that a method gets for a toy batch."""
    seen = {}
    model.unsupervised_loss = lambda views, outputs: seen.update(outputs) or {}
    model(**model.data_preprocessor(toy_batch(), True), mode='loss')
    return seen['student']


@pytest.mark.parametrize('joint', [False, True])
def test_each_view_gets_its_own_part_of_a_forward(joint):
    model = build(joint_forward=joint)
    found = outputs_of(model)
    images = model.data_preprocessor(toy_batch(), True)['inputs']
    network = model.networks['student']
    assert set(found) == {'labeled', 'weak'}
    for view, output in found.items():
        (features,) = network.backbone(images[view])
        torch.testing.assert_close(output.features, (features,))
        torch.testing.assert_close(output.coarse, network.decode_head((features,)))
        assert output.logits.shape == (2, 3, 16, 16) and output.coarse.shape == (2, 3, 8, 8)


def test_the_embedding_is_what_the_last_layer_receives():
    model = build()
    network = model.networks['student']
    for output in outputs_of(model).values():
        torch.testing.assert_close(network.decode_head.conv_seg(output.embedding), output.coarse)
    assert output.embedding.shape[1] == model.embedding_channels == 6
    assert not network.decode_head.conv_seg._forward_pre_hooks  # nothing is left behind


def test_labeled_output_is_left_out_where_nobody_asked_for_it():
    assert set(outputs_of(build(covers='unlabeled'))) == {'weak'}


def test_a_network_used_whole_has_an_embedding_and_no_features():
    from mmseg.models import EncoderDecoder

    class Whole(EncoderDecoder):
        def loss(self, inputs, data_samples):
            return super().loss(inputs, data_samples)

    MODELS.register_module(name='WholeNetwork', module=Whole, force=True)
    network = MODELS.build(dict(toy_network(), type='WholeNetwork')).eval()
    output = forward_images(network, torch.randn(2, 3, 16, 16))
    assert output.features == () and output.embedding.shape == (2, 6, 8, 8)


@pytest.mark.parametrize('mode', [None, False, True])
def test_look_gives_a_gradient_to_the_images_in_the_mode_asked_for(mode):
    """VAT needs it. Only train mode moves the statistics of norms."""
    model = build().train()
    network = model.networks['student']
    frozen = network.backbone[1]
    frozen.eval()
    images = torch.randn(2, 3, 16, 16, requires_grad=True)
    statistics = network.backbone[5].running_mean.clone()
    output = model.look('student', images, mode)
    (gradient,) = torch.autograd.grad(output.logits.square().sum(), images)
    assert gradient.abs().sum() > 0
    assert all(p.grad is None for p in model.parameters())
    assert network.training and not frozen.training
    assert torch.equal(statistics, network.backbone[5].running_mean) == (mode is False)


def test_looking_under_autocast_leaves_later_gradients_alone():
    model, images = build().train(), torch.randn(2, 3, 16, 16)
    with torch.autocast('cpu', torch.bfloat16):
        model.look('student', images.requires_grad_(), False)
        model.networks['student']._forward(images).float().square().mean().backward()
    convolutions = [m for m in model.networks['student'].modules() if isinstance(m, nn.Conv2d)]
    assert all(conv.weight.grad is not None for conv in convolutions)


def test_a_missing_output_is_named_with_what_gives_it():
    with pytest.raises(UserError, match=r"view 'waek', but for labeled, weak. Did you mean 'weak'"):
        outputs_of(build())['waek']
    with pytest.raises(UserError, match='loss_on_labeled=True'):
        outputs_of(build(covers='unlabeled'))['labeled']


def test_a_misspelt_network_is_named():
    with pytest.raises(UserError, match="Did you mean 'teacher'"):
        build().teach('techer', torch.randn(2, 3, 16, 16))
