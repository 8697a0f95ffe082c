"""Every network of configs/_base_/models, found by scanning, at a tiny width."""

import copy
import math
import re
from pathlib import Path

import pytest
import torch
from kernels import deterministic
from mmengine.config import Config
from mmengine.model import revert_sync_batchnorm
from torch import nn

from semiseg_mm.models.determinism import pool_by_products
from semiseg_mm.registry import MODELS
from semiseg_mm.testing import toy_batch
from semiseg_mm.testing.networks import on_meta, tiny_network

FILES = sorted((Path(__file__).parents[2] / 'configs/_base_/models').glob('*.py'))
CLASSES, SIZE = 11, 64  # class weights of CamVid are for its 11
PYRAMID = (4, 8, 16, 32)
STRIDES = {  # of what the head reads; the others have theirs in the name
    'ddrnet_23-slim': (8,),
    'dpt_dinov2-b': (14,) * 4,
    'dpt_dinov2-s': (14,) * 4,
    'erfnet_s2': (2,),
    'fast_scnn': (8,),
    'hrnet_w18': PYRAMID,
    'segformer_b0': PYRAMID,
    'segformer_b1': PYRAMID,
    'segformer_b2': PYRAMID,
    'segformer_b3': PYRAMID,
    'unet_s2': (2,),
    'unet_s2_camvid': (2,),
    'upernet_vit-b16': PYRAMID,
}
each_network = pytest.mark.parametrize('file', FILES, ids=lambda p: p.stem)


def build(file: Path, method: str = 'SupOnly') -> nn.Module:
    torch.manual_seed(0)
    cfg = dict(type=method, segmentor=tiny_network(file), num_classes=CLASSES)
    return revert_sync_batchnorm(MODELS.build(copy.deepcopy(cfg)))


@each_network
def test_a_step_reaches_every_weight(file):
    """Weights without a gradient would also stop distributed training.

    Nor is there an operation that a GPU refuses in deterministic mode, in which the runner replaces
    pools, but for a ViT of mmseg at another size than its position embeddings have.
    """
    model = build(file).train()
    pool_by_products(model)
    size = 32 if file.stem.startswith('upernet_vit') else SIZE
    batch = model.data_preprocessor(toy_batch(size=size, num_classes=CLASSES), True)
    torch.manual_seed(1)
    with deterministic() as refused:
        loss = sum(v for k, v in model(**batch, mode='loss').items() if 'loss' in k)
        assert loss.isfinite() and loss > 0
        loss.backward()
    assert refused == set()
    assert [name for name, p in model.named_parameters() if p.grad is None] == []
    assert all(p.grad.isfinite().all() for p in model.parameters())
    classifier = model.networks['student'].decode_head.conv_seg.parameters()
    assert all(p.grad.abs().sum() > 0 for p in classifier)
    before = {name: p.detach().clone() for name, p in model.named_parameters()}
    torch.optim.SGD(model.parameters(), lr=0.1).step()
    moved = {name for name, p in model.named_parameters() if not torch.equal(p, before[name])}
    assert {'backbone', 'decode_head'} <= {name.split('.')[2] for name in moved}
    assert all(p.isfinite().all() for p in model.parameters())


@each_network
def test_output_stride_is_the_named_one(file):
    named = re.search(r'-d(\d+)', file.stem)
    strides = (int(named[1]),) if named else STRIDES[file.stem.split('_ohem')[0]]
    network = build(file).networks['student'].eval()
    head, size = network.decode_head, math.lcm(SIZE, *strides)
    features = network.extract_feat(torch.randn(1, 3, size, size))
    if not isinstance(features, torch.Tensor):  # of DDRNet in eval mode
        indices = [head.in_index] if isinstance(head.in_index, int) else head.in_index
        features = [features[index] for index in indices]
    else:
        features = [features]
    assert [x.shape[2:] for x in features] == [(size // s, size // s) for s in strides]
    channels = [x.shape[1] for x in features]
    assert head.in_channels in (channels, channels[0], sum(channels))
    dilations = getattr(head, 'dilations', None)
    if named and dilations:  # half the stride, twice the dilation
        assert dilations == {16: (1, 6, 12, 18), 8: (1, 12, 24, 36)}[strides[0]]


@each_network
def test_weights_load_strictly_into_all_networks_and_predict_the_same(file):
    """Plain: as tools/publish_model.py writes them, or mmseg; then with this project's prefixes."""
    one, model = build(file).eval(), build(file, 'MeanTeacher').eval()
    for buffer in one.buffers():  # statistics count, too
        buffer.add_(1)
    plain = one.networks['student'].state_dict()
    images = torch.randn(1, 3, SIZE, SIZE)
    expected = one.networks['student']._forward(images)
    assert expected.shape[1] == CLASSES and set(model.networks) == {'student', 'teacher'}
    for with_prefixes in (False, True):
        weights = model.state_dict() if with_prefixes else plain
        weights = {key: value.clone() for key, value in weights.items()}
        for p in model.parameters():
            nn.init.zeros_(p)
        model.load_state_dict(weights, strict=True)
        for network in model.networks.values():
            own = network.state_dict()
            assert own.keys() == plain.keys() and all(torch.equal(own[k], plain[k]) for k in own)
    assert torch.equal(network._forward(images), expected)


@each_network
def test_channels_fit_at_full_width(file):
    """Built on the meta device, without memory and without downloads."""
    cfg = Config.fromfile(file).segmentor.to_dict()
    cfg['backbone'].pop('init_cfg', None)
    with on_meta():
        network = MODELS.build(cfg).eval()
        logits = network._forward(torch.empty(1, 3, SIZE, SIZE))
    assert logits.shape[1] == cfg['decode_head']['num_classes']


WEIGHTS = {  # where the name of a file tells the backbone
    'DDRNet': r'/ddrnet23s-',
    'EfficientNetLite': r'/efficientnet-lite0-',
    'HRNet': r'hrnetv2_w18$',
    'VisionTransformer': r'/vit_base_p16_384_',
}


@each_network
def test_pretrained_weights_are_those_of_the_backbone(file):
    backbone = Config.fromfile(file).segmentor.backbone
    source = (backbone.get('init_cfg') or {}).get('checkpoint', '')
    kind = backbone.type
    assert bool(source) == (kind not in ('ERFNet', 'FastSCNN', 'UNet', 'WideResNet38'))
    if kind.startswith('ResNe'):
        assert re.search(rf'resnex?t{backbone.depth}[-_]', source)
        # deep stem and 7x7 stem have weights of their own
        assert ('_v1c' in source) == (kind == 'ResNetV1c')
    elif kind in ('DINOv2', 'MixVisionTransformer'):
        size = file.stem.split('_ohem')[0][-1]
        assert re.search(rf'/dinov2_vit{size}14_pretrain\.|/mit_b{size}_', source)
        assert backbone.embed_dims == dict(s=384, b=768).get(size, 32 if size == '0' else 64)
    elif source:
        assert re.search(WEIGHTS[kind], source)
