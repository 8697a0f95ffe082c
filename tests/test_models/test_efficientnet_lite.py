"""Our network beside that of the package efficientnet_lite_pytorch."""

import pytest
import torch
from efficientnet_lite_pytorch import EfficientNet
from mmengine.config import Config
from torch import Tensor, nn

import semiseg_mm.engine  # noqa: F401  (registers safe loading)
from semiseg_mm.apis.plain_config import plain_config
from semiseg_mm.errors import UserError
from semiseg_mm.models import EfficientNetLite
from semiseg_mm.registry import MODELS
from semiseg_mm.utils.places import ROOT

ALL = tuple(range(7))
CHANNELS = (16, 24, 40, 80, 112, 192, 320)
FILE = ROOT / 'configs/_base_/models/deeplabv3plus_efficientnet-lite0-d16.py'
SHAPE = (2, 3, 37, 64)


def build(**kwargs) -> EfficientNetLite:
    torch.manual_seed(0)
    model = MODELS.build(dict(type='EfficientNetLite', **kwargs))
    model.init_weights()
    return model


def like(other: nn.Module, tmp_path, **kwargs) -> EfficientNetLite:
    """Ours, with the weights of theirs, through a file."""
    torch.save(other.state_dict(), tmp_path / 'weights.pth')
    init = dict(type='PretrainedEfficientNetLite', checkpoint=str(tmp_path / 'weights.pth'))
    return build(init_cfg=init, **kwargs).eval()


def theirs(name: str = 'efficientnet-lite0') -> EfficientNet:
    """All weights and statistics random, also those that start as 0 or 1."""
    torch.manual_seed(1)
    model = EfficientNet.from_name(name).eval()
    for value in model.state_dict().values():
        if value.ndim == 1:
            nn.init.uniform_(value, 0.5, 1.5)
    return model


@pytest.fixture(scope='module')
def lite0() -> EfficientNet:
    return theirs()


def features_of(model: EfficientNet, x: Tensor) -> list[Tensor]:
    """The output of the last block of each stage: before its channels change."""
    x, levels = model._swish(model._bn0(model._conv_stem(x))), []
    for block in model._blocks:
        x = block(x)
        if levels and levels[-1].shape[1] == x.shape[1]:
            levels.pop()
        levels.append(x)
    return levels


def test_features_are_those_of_the_package(lite0, tmp_path):
    x = torch.randn(SHAPE)
    with torch.no_grad():
        found, expected = like(lite0, tmp_path, out_indices=ALL)(x), features_of(lite0, x)
    assert tuple(one.shape[1] for one in found) == CHANNELS
    assert [x.shape[3] // one.shape[3] for one in found] == [2, 4, 8, 16, 16, 32, 32]
    for one, other in zip(found, expected, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-5, atol=1e-5)


def test_a_wider_and_deeper_one_is_that_of_the_package(tmp_path):
    with torch.device('meta'):
        model = EfficientNetLite(width=1.4, depth=1.8, out_indices=ALL)
        lite4 = EfficientNet.from_name('efficientnet-lite4')
    assert [len(stage) for stage in model.stages] == [1, 4, 4, 6, 6, 8, 1]
    shapes = [tuple(block[-1].project[0].weight.shape[:2]) for block in model.stages]
    ends = [sum(len(stage) for stage in model.stages[: i + 1]) - 1 for i in ALL]
    assert shapes == [tuple(lite4._blocks[end]._project_conv.weight.shape[:2]) for end in ends]


@pytest.mark.parametrize('stride', [8, 16])
def test_with_dilation_every_other_place_is_that_of_stride_32(lite0, tmp_path, stride):
    """A stride of 2 takes the odd places."""
    x, step = torch.randn(1, 3, 64, 64), 32 // stride
    with torch.no_grad():
        strided = like(lite0, tmp_path, out_indices=(6,))(x)[0]
        dilated = like(lite0, tmp_path, out_indices=(6,), output_stride=stride)(x)[0]
    assert dilated.shape[2:] == (64 // stride, 64 // stride)
    found = dilated[..., step - 1 :: step, step - 1 :: step]
    torch.testing.assert_close(found, strided, rtol=1e-5, atol=1e-5)


def test_only_what_is_asked_for_is_built_for_any_size(lite0, tmp_path):
    model = like(lite0, tmp_path, out_indices=(1, 4))
    assert len(model.stages) == 5
    assert [tuple(one.shape[1:]) for one in model(torch.randn(1, 3, 33, 50))] == [
        (24, 8, 12),
        (112, 2, 3),
    ]
    assert sum(p.numel() for p in model.parameters()) == 700_768


def test_another_stride_is_refused():
    with pytest.raises(UserError, match='output_stride=12 must be 8, 16 or 32'):
        build(output_stride=12)


def test_packaged_weights_are_real_ones():
    """Of the base config, without a download; random ones have statistics of 0 and 1."""
    backbone = Config.fromfile(FILE).segmentor.backbone
    backbone.norm_cfg.type = 'BN'
    torch.manual_seed(0)
    model = MODELS.build(backbone)
    before = model.stem[0].weight.clone()
    model.init_weights()
    assert not torch.equal(model.stem[0].weight, before)
    assert all(
        (norm.running_var != 1).all() for norm in (model.stem[1], model.stages[4][2].project[1])
    )
    assert model.stem[1].eps == 1e-3


def test_a_file_that_does_not_fit_is_refused(lite0, tmp_path):
    with pytest.raises(UserError, match=r'other shapes than the backbone.* Set width and depth'):
        like(lite0, tmp_path, width=1.4)
    with pytest.raises(UserError, match=r'first of stages\.1\.2\.filter\.0\.weight'):
        like(lite0, tmp_path, depth=1.4)
    with pytest.raises(UserError, match=r'the backbone has no place for 0\.weight'):
        like(nn.Sequential(nn.Conv2d(3, 4, 3)), tmp_path)


def test_what_is_frozen_stays_in_train_mode():
    model = build(frozen_stages=1, norm_eval=True, out_indices=(2,)).train()
    trained = {name.split('.')[1] for name, p in model.named_parameters() if p.requires_grad}
    assert trained == {'1', '2'}
    buffers = [value.clone() for value in model.buffers()]
    model(torch.randn(SHAPE))[0].sum().backward()
    assert all(torch.equal(a, b) for a, b in zip(buffers, model.buffers(), strict=True))
    assert (
        model.stem[0].weight.grad is None and model.stages[1][0].expand[0].weight.grad is not None
    )


def test_checkpointing_changes_memory_only():
    images, found = torch.randn(1, 3, 16, 16), []
    for with_cp in (False, True):
        model = build(with_cp=with_cp, out_indices=(2,)).train()
        model(images)[0].square().mean().backward()
        found.append([*(p.grad for p in model.parameters()), *model.buffers()])
    assert all(torch.equal(a, b) for a, b in zip(*found, strict=True))


def test_a_published_network_needs_no_package():
    """Its config names no weights, and imports this package; all its weights load."""
    segmentor = Config.fromfile(FILE).segmentor
    cfg = dict(model=dict(segmentor=segmentor, num_classes=3), test_dataloader=None)
    plain = plain_config(Config(cfg), 'student')
    assert plain.custom_imports.imports == ['semiseg_mm.models']
    assert plain.model.backbone.type == 'semiseg_mm.EfficientNetLite'
    assert 'init_cfg' not in plain.model.backbone
