"""The only fakes of the test suite: a network of a few hundred weights, and a batch for it."""

import torch
from mmengine.structures import PixelData
from mmseg.structures import SegDataSample
from torch import Tensor, nn

from semiseg_mm.registry import MODELS


@MODELS.register_module()
class ToyBackbone(nn.Sequential):
    """Two convolutions with BatchNorm, and dropout, so that randomness and statistics matter."""

    def __init__(self, channels: int = 6) -> None:
        super().__init__(
            nn.Conv2d(3, channels, 3, stride=2, padding=1),
            nn.BatchNorm2d(channels),
            nn.ReLU(),
            nn.Dropout2d(0.2),
            nn.Conv2d(channels, channels, 3, padding=1, bias=False),
            nn.BatchNorm2d(channels),
            nn.ReLU(),
        )

    def forward(self, x: Tensor) -> tuple[Tensor]:
        return (super().forward(x),)


def toy_network(num_classes: int = 3, channels: int = 6) -> dict:
    """Config of an mmseg EncoderDecoder around the toy backbone."""
    return dict(
        type='EncoderDecoder',
        data_preprocessor=dict(
            type='SegDataPreProcessor', mean=[127.5] * 3, std=[127.5] * 3, size=(64, 64)
        ),
        backbone=dict(type='ToyBackbone', channels=channels),
        decode_head=dict(
            type='FCNHead',
            in_channels=channels,
            channels=channels,
            in_index=0,
            num_convs=1,
            num_classes=num_classes,
            norm_cfg=dict(type='BN'),
            align_corners=False,
            loss_decode=dict(type='CrossEntropyLoss'),
        ),
        train_cfg=dict(),
        test_cfg=dict(mode='whole'),
    )


def toy_batch(
    labeled: int = 2, unlabeled: int = 2, size: int = 16, num_classes: int = 3, seed: int = 0
) -> dict:
    """A batch as ``collate_views`` returns it; one row and column of padding."""
    generator = torch.Generator().manual_seed(seed)
    inputs: dict[str, list] = {}
    data_samples: dict[str, list] = {}
    views = dict(labeled=labeled, weak=unlabeled, strong=unlabeled)
    for view, count in views.items():
        for _ in range(count):
            image = torch.randint(0, 256, (3, size, size), dtype=torch.uint8, generator=generator)
            valid = torch.ones(1, size, size, dtype=torch.bool)
            valid[:, -1] = valid[:, :, -1] = False
            sample = SegDataSample(metainfo=dict(img_shape=(size, size), ori_shape=(size, size)))
            sample.valid = PixelData(data=valid)
            if view == 'labeled':
                label = torch.randint(0, num_classes, (1, size, size), generator=generator)
                sample.gt_sem_seg = PixelData(data=label.masked_fill(~valid, 255))
            inputs.setdefault(view, []).append(image)
            data_samples.setdefault(view, []).append(sample)
    return dict(inputs=inputs, data_samples=data_samples)
