import pytest
import torch
from mmengine.config import Config
from torch import nn

from semiseg_mm.apis.plain_config import plain_config
from semiseg_mm.registry import MODELS
from semiseg_mm.testing.networks import tiny_network
from semiseg_mm.utils.places import ROOT


def head(**kwargs) -> nn.Module:
    torch.manual_seed(0)
    cfg = dict(type='DeepLabV2Head', in_channels=1, num_classes=3)
    return MODELS.build(dict(cfg, **kwargs))


def test_parallel_dilations_are_summed():
    """One lit pixel; the kernel of dilation 1 is all 1, that of dilation 2 all 10."""
    model = head(dilations=(1, 2))
    for conv, weight, bias in zip(model.conv_seg.convs, (1.0, 10.0), (0.25, 0.5)):
        nn.init.constant_(conv.weight, weight)
        nn.init.constant_(conv.bias, bias)
    image = torch.zeros(1, 1, 5, 5)
    image[..., 2, 2] = 1
    expected = torch.tensor(
        [
            [10, 0, 10, 0, 10],
            [0, 1, 1, 1, 0],
            [10, 1, 11, 1, 10],
            [0, 1, 1, 1, 0],
            [10, 0, 10, 0, 10],
        ]
    )
    logits = model((image,))
    assert logits.shape == (1, 3, 5, 5)
    assert torch.equal(logits, (expected + 0.75).expand(1, 3, 5, 5))


def test_nothing_but_the_four_convolutions():
    """No hidden layer, no norm; a 1x1 classifier left over would break distributed training."""
    state = head(in_channels=2).state_dict()
    keys = [f'conv_seg.convs.{i}.{kind}' for i in range(4) for kind in ('weight', 'bias')]
    assert list(state) == keys
    assert {tuple(value.shape) for value in state.values()} == {(3, 2, 3, 3), (3,)}
    assert [c.dilation for c in head().conv_seg.convs] == [(6, 6), (12, 12), (18, 18), (24, 24)]


def test_starts_from_small_weights():
    model = head(in_channels=64, num_classes=21)
    model.init_weights()
    for conv in model.conv_seg.convs:
        assert conv.weight.std().item() == pytest.approx(0.01, rel=0.05)
        assert (conv.bias == 0).all()


def test_dropout_only_where_asked_for():
    features = (torch.randn(1, 64, 4, 4),)
    plain, dropping = head(in_channels=64).train(), head(in_channels=64, dropout_ratio=0.5).train()
    assert torch.equal(plain(features), plain(features))
    assert not torch.equal(dropping(features), dropping(features))


def test_features_of_several_levels_can_be_joined():
    model = head(in_channels=[2, 3], in_index=[0, 1], input_transform='resize_concat')
    features = torch.randn(1, 2, 8, 8), torch.randn(1, 3, 4, 4)
    assert model(features).shape == (1, 3, 8, 8)
    assert model.channels == model.in_channels == 5


def aspp_head(**kwargs) -> nn.Module:
    torch.manual_seed(0)
    cfg = dict(in_channels=4, channels=6, c1_in_channels=4, c1_channels=2, in_index=1)
    return MODELS.build(dict(cfg, num_classes=3, norm_cfg=dict(type='BN'), **kwargs))


def test_dropout_of_the_pyramid_drops_whole_channels_and_that_of_the_classifier_values():
    model = aspp_head(type='DropoutASPPHead', pyramid_dropout=0.5, dropout_ratio=0.25).train()
    found = {}
    for name, layer in (('pyramid', model.bottleneck), ('values', model.dropout)):
        layer.register_forward_hook(
            lambda _, inputs, output, name=name: found.__setitem__(name, (inputs[0], output))
        )
    nn.init.ones_(model.bottleneck.bn.bias)  # so that not much is 0 before
    torch.manual_seed(1)
    model([torch.randn(8, 4, 16, 16), torch.randn(8, 4, 8, 8)])
    gone = (found['pyramid'][1] == 0).flatten(2).all(2)  # B,C
    assert 0.3 < gone.float().mean() < 0.7 and 0.2 < gone[0].float().mean() < 0.8
    before, after = found['values']
    kept = after != 0
    torch.testing.assert_close(after[kept], before[kept] / 0.75)
    share = kept[before != 0].float().mean()
    assert share.item() == pytest.approx(0.75, abs=0.02)
    assert not (~kept & (before != 0)).flatten(2).all(2).any()  # no channel as a whole


def test_in_tests_it_is_mmsegs_head_with_the_same_weights():
    ours, mmseg = aspp_head(type='DropoutASPPHead'), aspp_head(type='DepthwiseSeparableASPPHead')
    mmseg.load_state_dict(ours.state_dict())
    features = [torch.randn(2, 4, 16, 16), torch.randn(2, 4, 8, 8)]
    assert torch.equal(ours.eval()(features), mmseg.eval()(features))


def test_a_published_config_has_mmsegs_head(monkeypatch):
    network = tiny_network(ROOT / 'configs/_base_/models/deeplabv3plus_r50-d8_dropout.py')
    assert network['decode_head']['type'] == 'DropoutASPPHead'
    plain = plain_config(Config(dict(model=dict(segmentor=network))), 'student')
    assert 'custom_imports' not in plain
    head = plain.model.decode_head
    assert head.type == 'DepthwiseSeparableASPPHead' and 'pyramid_dropout' not in head
    with monkeypatch.context() as patched:  # a head of a user's, which may do more
        own = type('OwnHead', (MODELS.get('DropoutASPPHead'),), {})
        patched.setitem(MODELS.module_dict, 'OwnHead', own)
        network['decode_head']['type'] = 'OwnHead'
        plain = plain_config(Config(dict(model=dict(segmentor=network))), 'student')
        assert plain.model.decode_head.type == 'semiseg_mm.OwnHead'
