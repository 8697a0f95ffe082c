from mmcv.cnn import ConvModule
from mmengine.model import BaseModule
from torch import Tensor, nn

from semiseg_mm.registry import MODELS


@MODELS.register_module()
class ConvProjector(BaseModule):
    """Map an embedding of pixels to the space in which a contrastive loss compares them.

    Args:
        in_channels: Of the embedding.
        channels: Of the hidden layers, with norm and ReLU.
        out_channels: Of the representation.
        num_convs: Number of hidden layers.
        dropout: Of whole channels, after each hidden layer.
        norm_cfg: Config of the norm layers, or None.
        kernel_size: Of the hidden layers.
    """

    def __init__(
        self,
        in_channels: int,
        channels: int = 256,
        out_channels: int = 256,
        num_convs: int = 2,
        dropout: float = 0.1,
        norm_cfg: dict | None = dict(type='SyncBN'),
        kernel_size: int = 3,
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(init_cfg)
        self.out_channels = out_channels
        layers, width = [], in_channels
        for _ in range(num_convs):
            padding = kernel_size // 2
            layers.append(
                ConvModule(width, channels, kernel_size, padding=padding, norm_cfg=norm_cfg)
            )
            layers.append(nn.Dropout2d(dropout))
            width = channels
        self.layers = nn.Sequential(*layers, nn.Conv2d(width, out_channels, 1))

    def forward(self, embedding: Tensor) -> Tensor:
        """Map B,D,h,w to B,E,h,w."""
        return self.layers(embedding)
