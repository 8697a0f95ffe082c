import pytest
import torch
from torch import nn

from semiseg_mm.models import WideResNet38
from semiseg_mm.models.backbones.wide_resnet38 import PreActBlock, convert_weights
from semiseg_mm.registry import MODELS

CHANNELS = (128, 256, 512, 1024, 2048, 4096)
TINY = 1 / 32


def tiny(**kwargs) -> WideResNet38:
    torch.manual_seed(0)
    return MODELS.build(dict(dict(type='WideResNet38', width=TINY), **kwargs))


def weights(model: nn.Module) -> int:
    return sum(p.numel() for p in model.parameters())


def test_number_of_weights_is_that_of_the_published_table():
    """Summed by hand: blocks of 3x3 convolutions, projections, then norms of two numbers each."""
    convs = 3 * 64 * 9
    convs += 9 * (64 * 128 + 5 * 128 * 128) + 64 * 128
    convs += 9 * (128 * 256 + 5 * 256 * 256) + 128 * 256
    convs += 9 * (256 * 512 + 11 * 512 * 512) + 256 * 512
    convs += 9 * (512 * 512 + 5 * 512 * 1024) + 512 * 1024
    convs += 1024 * 512 + 9 * 512 * 1024 + 1024 * 2048 + 1024 * 2048
    convs += 2048 * 1024 + 9 * 1024 * 2048 + 2048 * 4096 + 2048 * 4096
    norms = (64 + 5 * 128) + (128 + 5 * 256) + (256 + 11 * 512) + (512 + 3 * 512 + 2 * 1024)
    norms += (1024 + 512 + 1024) + (2048 + 1024 + 2048)
    with torch.device('meta'):
        assert weights(WideResNet38()) == convs + 2 * norms == 105_062_720
        classifier = weights(WideResNet38(final_norm=True)) + weights(nn.Linear(4096, 1000))
    # NVIDIA's file of the classifier has 833 MB: the weights, and as many numbers of momentum
    assert round(classifier * 8 / 2**20) == 833


def test_outputs_have_the_documented_channels_and_strides():
    outs = tiny()(torch.randn(2, 3, 64, 64))
    shapes = [(c // 32, 64 // s, 64 // s) for c, s in zip(CHANNELS, (2, 4, 8, 8, 8, 8))]
    assert [tuple(out.shape[1:]) for out in outs] == shapes


def test_undilated_it_is_the_classifier_of_stride_32():
    model = tiny(strides=(1, 1, 2, 2, 2, 1), dilations=(1,) * 6, out_indices=(5,), final_norm=True)
    (out,) = model(torch.randn(2, 3, 64, 64))
    assert out.shape == (2, 128, 2, 2)
    assert out.min() == 0  # behind an activation; the plain outputs are sums


def test_only_what_is_asked_for_is_built():
    model = tiny(out_indices=(0, 2))
    assert [out.shape[1] for out in model(torch.randn(2, 3, 32, 32))] == [4, 16]
    assert len(model.stages) == 3


def test_dilation_and_dropout_stand_where_the_paper_has_them():
    model = tiny()
    spread = [
        {c.dilation[0] for b in stage for c in b.convs if c.kernel_size[0] == 3}
        for stage in model.stages
    ]
    assert spread == [{1}, {1}, {1}, {2}, {4}, {4}]
    drops = [
        [m.p for m in stage.modules() if isinstance(m, nn.Dropout2d)] for stage in model.stages
    ]
    assert drops == [[], [], [], [], [0.3], [0.5]]


@pytest.mark.parametrize(
    ('channels', 'x', 'expected'),
    [
        ((1, 1), 3.0, 0.5 * (2 * 3) + 3),  # both convolutions, and the identity
        ((1, 1), -2.0, -2.0),  # the activation stops the branch, not the identity
        ((1, 2), 3.0, 0.5 * (2 * 3) + 7 * 3),  # the projection stands in for the identity …
        ((1, 2), -2.0, 0.0),  # … and starts behind the first activation
    ],
)
def test_block_by_hand(channels, x, expected):
    block = PreActBlock(1, channels, 1, 2, 0.0, dict(type='BN', eps=0), dict(type='ReLU')).eval()
    for conv, weight in zip(block.convs, (2.0, 0.5)):
        nn.init.zeros_(conv.weight)
        conv.weight.data[:, :, 1, 1] = weight
    if block.proj is not None:
        nn.init.constant_(block.proj.weight, 7.0)
    out = block(torch.full((1, 1, 4, 4), x))
    assert out.shape == (1, channels[-1], 4, 4)
    assert torch.allclose(out, torch.tensor(expected))


def test_checkpointing_changes_memory_only():
    """Running statistics, too, see the batch once."""
    images, grads, buffers = torch.randn(2, 3, 32, 32), [], []
    for with_cp in (False, True):
        model = tiny(with_cp=with_cp, out_indices=(5,)).train()
        torch.manual_seed(1)  # dropout
        model(images)[0].square().mean().backward()
        grads.append([p.grad for p in model.parameters()])
        buffers.append([*model.buffers()])
    for found in (grads, buffers):
        assert all(torch.equal(a, b) for a, b in zip(*found, strict=True))


def test_init_weights_is_kaiming():
    model = tiny(width=0.25, out_indices=(2,))
    model.init_weights()
    conv = model.stages[2][1].convs[0]  # 3x3, 128 to 128 channels
    assert conv.weight.std().item() == pytest.approx((2 / (9 * 128)) ** 0.5, rel=0.02)
    norm = model.stages[2][1].norms[0]
    assert (norm.weight == 1).all() and (norm.bias == 0).all()


def published_names() -> dict[str, list[str]]:
    """Names in NVIDIA's file, by module: convolutions in their order, then norms."""
    names = {}
    for module, (blocks, convs) in enumerate(zip((3, 3, 6, 3, 1, 1), (2, 2, 2, 2, 3, 3)), 2):
        for block in range(1, blocks + 1):
            at = f'mod{module}.block{block}'
            weights = [f'{at}.convs.conv{i + 1}' for i in range(convs)]
            norms = [f'{at}.bn1.0'] + [f'{at}.convs.bn{i + 1}.0' for i in range(1, convs)]
            names[at] = [*weights, *norms] + ([f'{at}.proj_conv'] if block == 1 else [])
            if module == 4 and block == 1:
                assert names[at] == [
                    'mod4.block1.convs.conv1',
                    'mod4.block1.convs.conv2',
                    'mod4.block1.bn1.0',
                    'mod4.block1.convs.bn2.0',
                    'mod4.block1.proj_conv',
                ]
    return names


def test_published_weights_convert_and_land_in_their_places():
    model = tiny(final_norm=True)
    state = {'module.mod1.conv1.weight': model.stem.weight.detach() + 1}
    state['module.classifier.fc.weight'] = torch.zeros(10, 128)
    for at, names in published_names().items():
        module, block = (int(part.strip('modblck')) for part in at.split('.'))
        own = model.stages[module - 2][block - 1]
        layers = [*own.convs, *own.norms] + ([own.proj] if own.proj is not None else [])
        assert len(layers) == len(names)
        for name, layer in zip(names, layers):
            for key, value in layer.state_dict().items():
                state[f'module.{name}.{key}'] = value + 1
    for key, value in model.final[0].state_dict().items():
        state[f'module.bn_out.0.{key}'] = value + 1
    before = {key: value.clone() for key, value in model.state_dict().items()}
    model.load_state_dict(convert_weights(state), strict=True)
    assert all(torch.equal(value, before[key] + 1) for key, value in model.state_dict().items())
