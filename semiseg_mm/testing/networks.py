"""The networks of configs/_base_/models: tiny, or on the meta device, without weights to load."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from unittest.mock import patch

import torch
from mmengine.config import Config

DIMS = 8  # channels of a tiny transformer
MIT = (8, 16, 40, 64)  # DIMS times its heads
RESOLUTIONS = (2, 4, 6, 8)  # channels of a tiny HRNet
FACTOR = 1 / 32


def tiny_network(file: Path) -> dict:
    """The config of a network as in ``file``, of the same kinds of layers."""
    cfg = Config.fromfile(file).segmentor.to_dict()
    cfg['backbone'].pop('init_cfg', None)
    kind = cfg['backbone']['type']
    shrink = SHRINK.get(kind, _resnet if 'ResNe' in kind else None)
    if shrink is None:
        raise KeyError(f'semiseg_mm/testing/networks.py does not know how to shrink a {kind}')
    shrink(cfg, cfg['backbone'], cfg['decode_head'])
    return cfg


@contextmanager
def on_meta() -> Iterator[None]:
    """Networks are built without memory. mmseg's transformers read numbers out of a linspace."""
    with torch.device('meta'), patch('torch.linspace', partial(torch.linspace, device='cpu')):
        yield


def _same(cfg: dict, backbone: dict, head: dict) -> None:
    """Small enough."""


def _resnet(cfg: dict, backbone: dict, head: dict) -> None:
    backbone.update(base_channels=2, stem_channels=4)
    if backbone['type'] == 'ResNeXt':
        backbone.update(groups=2)
    _shrink_head(head)


def _wide_resnet(cfg: dict, backbone: dict, head: dict) -> None:
    backbone['width'] = FACTOR
    _shrink_head(head)


def _shrink_head(head: dict) -> None:
    for key in ('in_channels', 'channels', 'c1_in_channels', 'c1_channels'):
        if key in head:
            head[key] = max(2, round(head[key] * FACTOR))


def _efficientnet(cfg: dict, backbone: dict, head: dict) -> None:
    backbone.update(width=FACTOR)
    head.update(in_channels=8, channels=4, c1_in_channels=8, c1_channels=2)


def _ddrnet(cfg: dict, backbone: dict, head: dict) -> None:
    backbone.update(channels=4, ppm_channels=4)
    head.update(in_channels=16, channels=4)


def _hrnet(cfg: dict, backbone: dict, head: dict) -> None:
    for stage in backbone['extra'].values():
        branches = stage['num_branches']
        stage.update(num_modules=1, num_blocks=(1,) * branches)
        stage['num_channels'] = RESOLUTIONS[:branches] if branches > 1 else (4,)
    head.update(in_channels=list(RESOLUTIONS), channels=sum(RESOLUTIONS))


def _segformer(cfg: dict, backbone: dict, head: dict) -> None:
    backbone.update(embed_dims=DIMS, num_layers=[1] * 4)
    head.update(in_channels=list(MIT), channels=DIMS)


def _vit(cfg: dict, backbone: dict, head: dict) -> None:
    backbone.update(embed_dims=DIMS, num_layers=4, num_heads=2, img_size=(32, 32))
    backbone.update(out_indices=(0, 1, 2, 3))
    cfg['neck'].update(in_channels=[DIMS] * 4, out_channels=DIMS)
    head.update(in_channels=[DIMS] * 4, channels=DIMS)
    cfg['auxiliary_head'].update(in_channels=DIMS, channels=DIMS)


def _dinov2(cfg: dict, backbone: dict, head: dict) -> None:
    backbone.update(embed_dims=DIMS, num_layers=4, num_heads=2, img_size=42)
    backbone.update(out_indices=(0, 1, 2, 3))
    head.update(in_channels=[DIMS] * 4, embed_dims=DIMS, channels=DIMS)
    head.update(post_process_channels=[4, 4, 4, 4])


SHRINK = dict(
    DDRNet=_ddrnet,
    DINOv2=_dinov2,
    ERFNet=_same,
    EfficientNetLite=_efficientnet,
    FastSCNN=_same,
    HRNet=_hrnet,
    MixVisionTransformer=_segformer,
    UNet=_same,
    VisionTransformer=_vit,
    WideResNet38=_wide_resnet,
)
