from collections.abc import Sequence

import torch.nn.functional as F
from mmengine.model import BaseModule
from torch import Tensor, nn

from semiseg_mm.registry import MODELS


@MODELS.register_module()
class ConvDiscriminator(BaseModule):
    """Tell ground truth from predictions, pixel by pixel (Hung et al., BMVC 2018).

    Convolutions of 4 x 4 with LeakyReLU; the last one, of stride 2, gives one channel, which is
    enlarged to the size of the input. Its output has no activation.

    Args:
        in_channels: Of the maps that it judges.
        channels: Of the hidden layers.
        strides: Of the hidden layers; 2 each by default.
        out_channels: Of :meth:`maps`.
    """

    def __init__(
        self,
        in_channels: int,
        channels: Sequence[int] = (64, 128, 256, 512),
        strides: Sequence[int] | None = None,
        out_channels: int = 1,
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(init_cfg)
        strides = strides or [2] * len(channels)
        layers: list[nn.Module] = []
        width, self.smallest = in_channels, 1
        for wider, stride in zip(channels, strides, strict=True):
            layers.append(nn.Conv2d(width, wider, 4, stride=stride, padding=1))
            layers += [*self.norms(wider), nn.LeakyReLU(0.2)]
            width = wider
        self.layers = nn.Sequential(*layers, nn.Conv2d(width, out_channels, 4, 2, padding=1))
        for stride in (2, *reversed(strides)):  # of this size, one pixel is left
            self.smallest = (self.smallest - 1) * stride + 2

    def norms(self, channels: int) -> Sequence[nn.Module]:
        """Return what stands behind a hidden convolution."""
        return ()

    def maps(self, x: Tensor) -> Tensor:
        """Map B,C,H,W to B,K,H,W."""
        size = x.shape[2:]
        missing = [max(0, self.smallest - side) for side in size]
        if any(missing):  # smaller images than the published ones
            x = F.pad(x, (0, missing[1], 0, missing[0]))
        whole = [max(side, self.smallest) for side in size]
        x = F.interpolate(self.layers(x), whole, mode='bilinear', align_corners=True)
        return x[:, :, : size[0], : size[1]]

    def forward(self, x: Tensor) -> Tensor:
        """Judge B,C,H,W; returns B,H,W, greater where it takes them for ground truth."""
        return self.maps(x)[:, 0]
