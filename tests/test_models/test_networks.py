"""Every network of configs/_base_/models, found by scanning, at a tiny width."""

import copy
import re
from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from mmengine.model import revert_sync_batchnorm
from torch import nn

from semiseg_mm.registry import MODELS
from semiseg_mm.testing import toy_batch

FILES = sorted((Path(__file__).parents[2] / 'configs/_base_/models').glob('*.py'))
CLASSES, SIZE = 5, 64
STRIDES = dict(unet_s2=2, fast_scnn=8)  # the others have theirs in the name
each_network = pytest.mark.parametrize('file', FILES, ids=lambda p: p.stem)


def shrunk(file: Path) -> dict:
    """The same layers with few channels, and no pretrained weights."""
    cfg = Config.fromfile(file).segmentor.to_dict()
    backbone, head = cfg['backbone'], cfg['decode_head']
    backbone.pop('init_cfg', None)
    if backbone['type'] in ('FastSCNN', 'UNet'):  # small enough
        return cfg
    factor = 1 / 32
    if backbone['type'] == 'WideResNet38':
        backbone['width'] = factor
    else:
        backbone.update(base_channels=2, stem_channels=4)
        if backbone['type'] == 'ResNeXt':
            backbone.update(groups=2)
    for key in ('in_channels', 'channels', 'c1_in_channels', 'c1_channels'):
        if key in head:
            head[key] = max(2, round(head[key] * factor))
    return cfg


def build(file: Path) -> nn.Module:
    torch.manual_seed(0)
    sup_only = dict(type='SupOnly', segmentor=shrunk(file), num_classes=CLASSES)
    return revert_sync_batchnorm(MODELS.build(copy.deepcopy(sup_only)))


@each_network
def test_a_step_reaches_every_weight(file):
    """Weights without a gradient would also stop distributed training."""
    model = build(file).train()
    batch = model.data_preprocessor(toy_batch(size=SIZE, num_classes=CLASSES), True)
    torch.manual_seed(1)
    sum(v for k, v in model(**batch, mode='loss').items() if 'loss' in k).backward()
    assert [name for name, p in model.named_parameters() if p.grad is None] == []
    assert all(p.grad.isfinite().all() for p in model.parameters())
    classifier = model.networks['student'].decode_head.conv_seg.parameters()
    assert all(p.grad.abs().sum() > 0 for p in classifier)


@each_network
def test_output_stride_is_the_named_one(file):
    named = re.search(r'-d(\d+)', file.stem)
    stride = int(named[1]) if named else STRIDES[file.stem]
    network = build(file).networks['student'].eval()
    deepest = network.extract_feat(torch.randn(1, 3, SIZE, SIZE))[network.decode_head.in_index]
    assert deepest.shape[2:] == (SIZE // stride, SIZE // stride)
    head, channels = network.decode_head, deepest.shape[1]
    assert channels == head.in_channels
    dilations = getattr(head, 'dilations', None)
    if named and dilations:  # half the stride, twice the dilation
        assert dilations == {16: (1, 6, 12, 18), 8: (1, 12, 24, 36)}[stride]


@each_network
def test_its_own_weights_load_strictly_and_predict_the_same(file):
    first, second = build(file).eval(), build(file).eval()
    for p in second.parameters():
        nn.init.zeros_(p)
    second.load_state_dict(first.state_dict(), strict=True)
    images = torch.randn(1, 3, SIZE, SIZE)
    logits = [m.networks['student']._forward(images) for m in (first, second)]
    assert torch.equal(*logits) and logits[0].shape[1] == CLASSES


@each_network
def test_channels_fit_at_full_width(file):
    """Built on the meta device, without memory and without downloads."""
    cfg = Config.fromfile(file).segmentor.to_dict()
    cfg['backbone'].pop('init_cfg', None)
    with torch.device('meta'):
        network = MODELS.build(cfg).eval()
        logits = network._forward(torch.empty(1, 3, SIZE, SIZE))
    assert logits.shape[1] == cfg['decode_head']['num_classes']


@each_network
def test_pretrained_weights_are_those_of_the_depth(file):
    backbone = Config.fromfile(file).segmentor.backbone
    source = (backbone.get('init_cfg') or {}).get('checkpoint', '')
    assert bool(source) == backbone.type.startswith('ResNe')
    if source:
        assert re.search(rf'resnex?t{backbone.depth}[-_]', source)
        # deep stem and 7x7 stem have weights of their own
        assert ('_v1c' in source) == (backbone.type == 'ResNetV1c')
