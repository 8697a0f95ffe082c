import pytest
import torch
import torch.nn.functional as F
from mmengine.config import Config
from mmengine.registry import init_default_scope

import semiseg_mm.engine  # noqa: F401  (registers safe loading)
from semiseg_mm.apis.options import apply_options
from semiseg_mm.errors import UserError
from semiseg_mm.registry import MODELS
from semiseg_mm.utils.places import ROOT

WIDTH = 4  # of the first layer; the papers' is 64
BLOCKS = (2, 2)  # of two layers of a ResNet-18


def norm(state: dict, name: str, channels: int) -> None:
    state[f'{name}.weight'], state[f'{name}.bias'] = torch.rand(2, channels)
    state[f'{name}.running_mean'] = torch.randn(channels)
    state[f'{name}.running_var'] = torch.rand(channels) + 0.5


@pytest.fixture
def state():
    """Weights under the papers' names, older ones: norms have no counters."""
    torch.manual_seed(0)
    found, inside = {}, 2 * WIDTH
    for place, (own, out) in {0: (3, WIDTH), 3: (WIDTH, WIDTH), 6: (WIDTH, inside)}.items():
        found[f'conv1.{place}.weight'] = torch.randn(out, own, 3, 3) / 5
        norm(found, f'conv1.{place + 1}' if place < 6 else 'bn1', out)
    for layer, blocks in enumerate(BLOCKS, 1):
        width = WIDTH * 2 ** (layer - 1)
        for block in range(blocks):
            name = f'layer{layer}.{block}'
            for k, channels in ((1, inside), (2, width)):
                found[f'{name}.conv{k}.weight'] = torch.randn(width, channels, 3, 3) / 5
                norm(found, f'{name}.bn{k}', width)
            if inside != width:
                found[f'{name}.downsample.0.weight'] = torch.randn(width, inside, 1, 1)
                norm(found, f'{name}.downsample.1', width)
            inside = width
    found['fc.weight'], found['fc.bias'] = torch.randn(5, inside), torch.randn(5)
    return found


def features(state: dict, x: torch.Tensor) -> list[torch.Tensor]:
    """The network once more, as a straight line through weights of these names."""

    def conv(x, name, stride=1):
        weight = state[f'{name}.weight']
        return F.conv2d(x, weight, stride=stride, padding=weight.shape[-1] // 2)

    def bn(x, name):
        values = (state[f'{name}.{k}'] for k in ('running_mean', 'running_var', 'weight', 'bias'))
        return F.batch_norm(x, *values)

    x = bn(conv(x, 'conv1.0', 2), 'conv1.1').relu()
    x = bn(conv(x, 'conv1.3'), 'conv1.4').relu()
    x = F.max_pool2d(bn(conv(x, 'conv1.6'), 'bn1').relu(), 3, stride=2, padding=1)
    levels = []
    for layer, blocks in enumerate(BLOCKS, 1):
        for block in range(blocks):
            name, stride = f'layer{layer}.{block}', 2 if layer == 2 and block == 0 else 1
            y = bn(conv(x, f'{name}.conv1', stride), f'{name}.bn1').relu()
            y = bn(conv(y, f'{name}.conv2'), f'{name}.bn2')
            if f'{name}.downsample.0.weight' in state:
                x = bn(conv(x, f'{name}.downsample.0', stride), f'{name}.downsample.1')
            x = (x + y).relu()
        levels.append(x)
    return levels


@pytest.fixture
def start(state, tmp_path):
    """Build a backbone and start it from a file."""
    init_default_scope('semiseg_mm')

    def start(content=state, stem_channels=2 * WIDTH, **init):
        torch.save(content, tmp_path / 'resnet.pth')
        init = dict(checkpoint=str(tmp_path / 'resnet.pth'), type='PretrainedDeepStem', **init)
        backbone = dict(type='ResNetV1c', depth=18, base_channels=WIDTH, norm_cfg=dict(type='BN'))
        stages = dict(num_stages=2, out_indices=(0, 1), strides=(1, 2), dilations=(1, 1))
        backbone.update(stages, stem_channels=stem_channels, init_cfg=init)
        model = MODELS.build(backbone)
        model.init_weights()
        model.eval()
        return model

    return start


def test_features_are_those_of_the_papers_network(start, state):
    x = torch.randn(2, 3, 32, 40)
    expected = features(state, x)
    for content in (state, dict(model=state)):  # TorchSemiSeg loads both
        found = start(content)(x)
        assert [one.shape[1] for one in found] == [WIDTH, 2 * WIDTH]
        for one, other in zip(found, expected, strict=True):
            torch.testing.assert_close(one, other)
    trained = {f'module.backbone.{key}': value for key, value in state.items()}
    trained['module.head.weight'] = torch.zeros(1)
    other = start(dict(model=trained), prefix='module.backbone.')(x)
    torch.testing.assert_close(other[1], expected[1])


def test_each_weight_must_find_its_place(start, state):
    lost = {key: value for key, value in state.items() if key != 'conv1.4.weight'}
    with pytest.raises(UserError, match=r'resnet.pth does not fit .* it lacks stem.4.weight\. '):
        start(lost)
    with pytest.raises(UserError, match=r'has no place for layer9.0.weight\. Pretr'):
        start({**state, 'layer9.0.weight': torch.zeros(1)})
    with pytest.raises(UserError, match='mmseg or torchvision wants init_cfg'):
        start({'conv1.weight': torch.zeros(64, 3, 7, 7)})


def test_a_narrow_stem_is_told_from_a_wide_one(start):
    with pytest.raises(UserError, match=r'stem.0.weight: \(4, 3, 3, 3\) and \(2, .*channels=128'):
        start(stem_channels=WIDTH)


def test_a_file_that_would_run_code_is_refused(start):
    with pytest.raises(UserError, match='was refused'):
        start(dict(state_dict=print))


@pytest.mark.parametrize(
    'leaf, words, checkpoint',
    [
        ('cps/cps_deeplabv3plus_r50-d16_8xb2+2-20k_voc-blended-1_8-512x512', 'wide_stem', '50'),
        (
            'unimatch/unimatch_deeplabv3plus_r101-d16_4xb2+2-80e_voc-unimatch-92-321x321',
            'wide_stem_r101',
            '101',
        ),
    ],
)
def test_a_leaf_takes_the_wide_stem_in_one_line(leaf, words, checkpoint, tmp_path):
    own = tmp_path / 'own.py'
    line = f'model = dict(segmentor=dict(backbone=_base_.{words}))'
    own.write_text(f"_base_ = '{ROOT}/configs/{leaf}.py'\n{line}\n")
    backbone = Config.fromfile(own).model.segmentor.backbone
    assert backbone.stem_channels == 128 and backbone.depth == int(checkpoint)
    name = f'pretrained/resnet{checkpoint}.pth'
    assert backbone.init_cfg == dict(type='PretrainedDeepStem', checkpoint=name)


def test_the_command_line_takes_it_too():
    init = 'model.segmentor.backbone.init_cfg'
    cfg = Config.fromfile(
        f'{ROOT}/configs/cps/cps_deeplabv3plus_r50-d16_8xb2+2-20k_voc-blended-1_8-512x512.py'
    )
    apply_options(cfg, {f'{init}.type': 'PretrainedDeepStem', f'{init}.prefix': 'backbone.'})
    with pytest.raises(UserError, match="did you mean 'prefix'"):
        apply_options(cfg, {f'{init}.prefx': 'backbone.'})
