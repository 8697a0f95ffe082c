"""Configs by name: semiseg_mm::… and mmseg::…, from any folder."""

import pytest
from mmengine.config import Config

from semiseg_mm.apis.command import load_config
from semiseg_mm.errors import UserError
from semiseg_mm.models.named_network import named_network
from semiseg_mm.registry import MODELS
from semiseg_mm.utils.places import CONFIGS, config_path

LEAF = sorted(CONFIGS.glob('fixmatch/*shapes*.py'))[0]
MINE = """
_base_ = [
    'semiseg_mm::_base_/datasets/shapes.py',
    'semiseg_mm::_base_/methods/fixmatch.py',
    'semiseg_mm::_base_/schedules/sgd_1k_shapes.py',
    'semiseg_mm::_base_/default_runtime.py',
]
model = dict(segmentor={segmentor}, num_classes=_base_.num_classes)
train_dataloader = dict(dataset=dict(views=_base_.views))
"""
ZOO = 'mmseg::fastscnn/fast_scnn_8xb4-160k_cityscapes-512x1024'


def test_names_of_own_configs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = f'semiseg_mm::fixmatch/{LEAF.stem}'
    for name in (LEAF.stem, LEAF.name, path, f'{path}.py', str(LEAF)):
        assert config_path(name) == str(LEAF)
    (tmp_path / LEAF.name).touch()
    assert config_path(LEAF.name) == LEAF.name  # a file that is there comes first


@pytest.mark.parametrize(
    'name, hint',
    [
        (LEAF.stem + 'x', f"Did you mean '{LEAF.stem}'?"),
        (f'elsewhere/{LEAF.name}', f'Did you mean semiseg_mm::fixmatch/{LEAF.name}?'),
        ('nothing_like_it', 'does not exist.'),
    ],
)
def test_an_unknown_name_says_what_it_could_be(tmp_path, monkeypatch, name, hint):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match='does not exist') as error:
        config_path(name)
    assert str(error.value).endswith(hint)


def test_own_config_in_another_folder_with_a_network_of_mmseg(tmp_path):
    file = tmp_path / 'mine.py'
    file.write_text(MINE.format(segmentor=repr(ZOO)))
    cfg = load_config(str(file), {'model.segmentor.decode_head.channels': 16})
    assert '_scope_' not in str(cfg._cfg_dict)
    assert cfg.model.segmentor.decode_head.channels == 16
    model = MODELS.build(cfg.model)
    head = model.networks['student'].decode_head
    assert (type(head).__name__, head.num_classes, head.channels) == (
        'DepthwiseSeparableFCNHead',
        7,
        16,
    )


def test_a_model_takes_a_name_as_well():
    cfg = Config.fromfile(LEAF)
    model = MODELS.build({**cfg.model, 'segmentor': ZOO})
    assert type(model.networks['student'].backbone).__name__ == 'FastSCNN'


def test_networks_of_this_package_have_names_too(tmp_path):
    """A method of two networks takes one of each."""
    file = tmp_path / 'mine.py'
    names = ['semiseg_mm::unet_s2', 'semiseg_mm::erfnet_s2']
    file.write_text(MINE.format(segmentor=repr(names[0])))
    cfg = load_config(str(file), {'model.segmentor.decode_head.channels': 16})
    assert (cfg.model.segmentor.backbone.type, cfg.model.segmentor.decode_head.channels) == (
        'UNet',
        16,
    )
    model = MODELS.build(dict(type='CPSSegmentor', segmentor=names))
    kinds = [type(net.backbone).__name__ for net in model.networks.values()]
    assert kinds == ['UNet', 'ERFNet']


@pytest.mark.parametrize(
    'name, said',
    [
        (ZOO + 'x', "Did you mean 'fast_scnn_8xb4-160k_cityscapes-512x1024'?"),
        (ZOO.replace('fastscnn', 'fast'), 'Did you mean .mmseg::fastscnn/fast_scnn'),
        ('fast_scnn', "as 'mmseg::FOLDER/FILE.py'"),
        ('semiseg_mm::segformer_b9', r"configs/_base_/models has no such file. Did you mean 'seg"),
    ],
)
def test_an_unknown_network_says_what_it_could_be(name, said):
    with pytest.raises(UserError, match=said):
        named_network(name)


def test_a_base_of_mmseg_by_name(tmp_path):
    """Under the default distribution's name mmengine says that it is not installed."""
    file = tmp_path / 'mine.py'
    file.write_text("_base_ = 'mmseg::_base_/models/fast_scnn.py'\n")
    assert Config.fromfile(file).model.backbone.type == 'FastSCNN'
