from collections.abc import Sequence

import torch
from mmcv.cnn import build_norm_layer
from torch import Tensor, nn

from semiseg_mm.registry import MODELS

from .conv_discriminator import ConvDiscriminator


@MODELS.register_module()
class FlawDetector(ConvDiscriminator):
    """Say where a prediction is wrong (GCT, Ke et al., ECCV 2020).

    It sees the image and the map of probabilities B,C,H,W, and returns B,H,W: 0 where all is right,
    1 at the worst place. It has no activation, so it may leave this range.

    Args:
        norm_cfg: Config of the norm layers; half of the channels have them, the others have
            InstanceNorm.
    """

    def __init__(
        self,
        in_channels: int,
        channels: Sequence[int] = (64, 128, 128, 256, 256, 512, 512),
        strides: Sequence[int] = (2, 2, 1, 2, 1, 2, 1),
        norm_cfg: dict = dict(type='SyncBN'),
        init_cfg: dict | None = None,
    ) -> None:
        self.norm_cfg = norm_cfg
        super().__init__(in_channels, channels, strides, init_cfg=init_cfg)

    def norms(self, channels: int) -> Sequence[nn.Module]:
        return (HalfInstanceNorm(channels, self.norm_cfg),)


class HalfInstanceNorm(nn.Module):
    """Normalise the first half of the channels over the batch, the others image by image."""

    def __init__(self, channels: int, norm_cfg: dict) -> None:
        super().__init__()
        self.half = (channels + 1) // 2
        self.batch = build_norm_layer(norm_cfg, self.half)[1]
        self.instance = nn.InstanceNorm2d(channels - self.half)

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([self.batch(x[:, : self.half]), self.instance(x[:, self.half :])], 1)
