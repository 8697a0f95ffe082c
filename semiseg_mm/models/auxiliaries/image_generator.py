import math

import torch.nn.functional as F
from mmcv.cnn import ConvModule
from mmengine.model import BaseModule
from torch import Tensor, nn

from semiseg_mm.errors import UserError
from semiseg_mm.registry import MODELS


@MODELS.register_module()
class ImageGenerator(BaseModule):
    """Draw images from random numbers.

    Transposed convolutions, norm and ReLU double the size from 4 x 4 on; after each of them
    stands a residual block. The result is between -1 and 1.

    Args:
        noise: How many random numbers an image is drawn from.
        channels: At half of the size; they double at each smaller one.
        size: Of the images, a power of 2 from 8 on.
        out_channels: Of the images.
        norm_cfg: Config of the norm layers.
    """

    def __init__(
        self,
        noise: int = 100,
        channels: int = 64,
        size: int = 64,
        out_channels: int = 3,
        norm_cfg: dict = dict(type='SyncBN'),
        init_cfg: dict | None = dict(type='Normal', layer=['Conv2d', 'ConvTranspose2d'], std=0.02),
    ) -> None:
        super().__init__(init_cfg)
        if size < 8 or size & (size - 1):
            raise UserError(
                f'ImageGenerator doubles a size from 4 on, so it cannot draw images of {size}: '
                'set generator.size to 8, 16, 32, 64, …'
            )
        self.noise = noise
        width = channels * size // 8
        layers = _enlarging(noise, width, norm_cfg, stride=1, padding=0)
        for _ in range(int(math.log2(size)) - 3):
            layers += _enlarging(width, width // 2, norm_cfg)
            width //= 2
        last = nn.ConvTranspose2d(width, out_channels, 4, stride=2, padding=1)
        self.layers = nn.Sequential(*layers, last, nn.Tanh())

    def forward(self, noise: Tensor) -> Tensor:
        """Draw B,C,S,S from B,N."""
        return self.layers(noise[:, :, None, None])


class Residual(nn.Module):
    """Add a bottleneck of three convolutions to what comes in."""

    def __init__(self, channels: int, norm_cfg: dict) -> None:
        super().__init__()
        inner, plain = max(1, channels // 4), dict(norm_cfg=norm_cfg)
        self.layers = nn.Sequential(
            ConvModule(channels, inner, 1, **plain),
            ConvModule(inner, inner, 3, padding=1, **plain),
            ConvModule(inner, channels, 3, padding=1, act_cfg=None, **plain),
        )

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(x + self.layers(x))


def _enlarging(
    width: int, wider: int, norm_cfg: dict, stride: int = 2, padding: int = 1
) -> list[nn.Module]:
    """Return the layers of one size."""
    own = dict(conv_cfg=dict(type='deconv'), norm_cfg=norm_cfg)
    return [ConvModule(width, wider, 4, stride, padding, **own), Residual(wider, norm_cfg)]
