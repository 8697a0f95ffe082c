from collections.abc import Sequence

from mmengine.model import BaseModule
from torch import Tensor, nn

from semiseg_mm.errors import UserError
from semiseg_mm.registry import MODELS


@MODELS.register_module()
class ImageDiscriminator(BaseModule):
    """Tell ground truth from predictions, image by image (S4GAN, Mittal et al., TPAMI 2021).

    Convolutions of 4 x 4 with stride 2 and LeakyReLU, dropout of channels between them, the mean
    over the image and one linear layer. Its score has no activation.

    Args:
        in_channels: Classes of the maps of probabilities, and the channels of the image.
        channels: Of the convolutions.
        dropout: Of whole channels, after all convolutions but the last one.
    """

    def __init__(
        self,
        in_channels: int,
        channels: Sequence[int] = (64, 128, 256, 512),
        dropout: float = 0.5,
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(init_cfg)
        layers: list[nn.Module] = []
        for width, wider in zip((in_channels, *channels), channels):
            layers += [nn.Conv2d(width, wider, 4, stride=2, padding=1), nn.LeakyReLU(0.2)]
            layers.append(nn.Dropout2d(dropout))
        self.layers = nn.Sequential(*layers[:-1])
        self.last = nn.Linear(channels[-1], 1)
        self.smallest = 2 ** len(channels)  # of this size, one pixel is left

    def forward(self, maps: Tensor) -> tuple[Tensor, Tensor]:
        """Judge B,C,H,W; returns scores B, greater for ground truth, and their features B,D."""
        if min(maps.shape[2:]) < self.smallest:
            raise UserError(
                f'ImageDiscriminator halves the sides {len(self.layers[::3])} times, but a crop '
                f'has {maps.shape[2]} x {maps.shape[3]} pixels: take larger crops, or fewer '
                'model.discriminator.channels.'
            )
        features = self.layers(maps).mean((2, 3))
        return self.last(features).squeeze(1), features
