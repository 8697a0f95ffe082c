from collections.abc import Sequence

import torch.nn.functional as F
from mmengine.model import BaseModule
from torch import Tensor, nn

from semiseg_mm.registry import MODELS


@MODELS.register_module()
class ConvDiscriminator(BaseModule):
    """Tell ground truth from predictions, pixel by pixel (Hung et al., BMVC 2018).

    Convolutions of 4 x 4 with stride 2 and LeakyReLU, without norm layers; the last one gives one
    channel, which is enlarged to the size of the input. Its output has no activation.

    Args:
        in_channels: Classes of the maps of probabilities that it judges.
        channels: Of the hidden layers.
    """

    def __init__(
        self,
        in_channels: int,
        channels: Sequence[int] = (64, 128, 256, 512),
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(init_cfg)
        layers, width = [], in_channels
        for wider in channels:
            layers += [nn.Conv2d(width, wider, 4, stride=2, padding=1), nn.LeakyReLU(0.2)]
            width = wider
        self.layers = nn.Sequential(*layers, nn.Conv2d(width, 1, 4, stride=2, padding=1))
        self.smallest = 2 ** (len(channels) + 1)  # of this size, one pixel is left

    def forward(self, probabilities: Tensor) -> Tensor:
        """Judge B,C,H,W; returns B,H,W, greater where it takes them for ground truth."""
        size = probabilities.shape[2:]
        missing = [max(0, self.smallest - side) for side in size]
        if any(missing):  # smaller images than the published ones
            probabilities = F.pad(probabilities, (0, missing[1], 0, missing[0]))
        scores = self.layers(probabilities)
        whole = [max(side, self.smallest) for side in size]
        scores = F.interpolate(scores, whole, mode='bilinear', align_corners=True)
        return scores[:, 0, : size[0], : size[1]]
