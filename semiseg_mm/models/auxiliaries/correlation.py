from collections.abc import Sequence

from mmcv.cnn import ConvModule
from mmengine.model import BaseModule
from torch import Tensor, nn

from semiseg_mm.registry import MODELS


@MODELS.register_module()
class Correlation(BaseModule):
    """Say of each place of a feature map how much it has to do with each other place (CorrMatch).

    A 3 x 3 layer with norm, ReLU and dropout, then two 1 x 1 layers a and b; the softmax of each
    row of a^T b / sqrt(classes).

    Args:
        in_index: Which level of the features, as in mmseg's heads.
        in_channels: Of that level.
        num_classes: Channels of a and b.
        channels: Of the 3 x 3 layer.
        dropout: Of its whole channels.
        norm_cfg: Config of its norm layer.
    """

    def __init__(
        self,
        in_index: int,
        in_channels: int,
        num_classes: int,
        channels: int = 256,
        dropout: float = 0.1,
        norm_cfg: dict = dict(type='SyncBN'),
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(init_cfg)
        self.in_index = in_index
        self.project = nn.Sequential(
            ConvModule(in_channels, channels, 3, padding=1, bias=True, norm_cfg=norm_cfg),
            nn.Dropout2d(dropout),
        )
        self.a = nn.Conv2d(channels, num_classes, 1)
        self.b = nn.Conv2d(channels, num_classes, 1)

    def choose(self, features: Sequence) -> Tensor:
        """Return its level B,D,h,w; a transformer may have it with a class token."""
        level = features[self.in_index]
        return level if isinstance(level, Tensor) else level[0]

    def forward(self, features: Tensor) -> Tensor:
        """Return rows B,h*w,h*w of B,D,h,w; each sums to 1."""
        shared = self.project(features)
        a, b = self.a(shared).flatten(2), self.b(shared).flatten(2)  # B,C,h*w
        return (a.transpose(1, 2) @ b / a.shape[1] ** 0.5).float().softmax(-1)
