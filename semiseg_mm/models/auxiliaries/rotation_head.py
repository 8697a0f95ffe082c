from mmcv.cnn import ConvModule
from mmengine.model import BaseModule
from torch import Tensor, nn

from semiseg_mm.registry import MODELS


@MODELS.register_module()
class RotationHead(BaseModule):
    """Tell by which quarter turn an image was rotated, from its map of logits (S4L in PixelSSL).

    Two convolutions of 4 x 4 with stride 2, a mean over all pixels, and one linear layer.

    Args:
        in_channels: Of the map.
        norm_cfg: Config of the norm layers.
    """

    def __init__(
        self,
        in_channels: int,
        norm_cfg: dict = dict(type='SyncBN'),
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(init_cfg)
        layer = dict(stride=2, padding=1, bias=True, norm_cfg=norm_cfg)
        act = dict(act_cfg=dict(type='LeakyReLU', negative_slope=0.2))
        self.layers = nn.Sequential(
            ConvModule(in_channels, in_channels, 4, **layer, **act),
            ConvModule(in_channels, 2 * in_channels, 4, **layer, **act),
        )
        self.classifier = nn.Linear(2 * in_channels, 4)

    def forward(self, logits: Tensor) -> Tensor:
        """Map B,C,H,W, at least 4 x 4, to B,4: how likely each turn is, as logits."""
        return self.classifier(self.layers(logits).mean((2, 3)))
