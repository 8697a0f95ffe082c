import pytest
import torch
from torch import nn

from semiseg_mm.registry import MODELS


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
