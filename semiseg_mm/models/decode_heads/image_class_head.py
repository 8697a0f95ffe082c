from mmseg.models.decode_heads.decode_head import BaseDecodeHead
from torch import Tensor

from semiseg_mm.registry import MODELS


@MODELS.register_module()
class ImageClassHead(BaseDecodeHead):
    """Say which classes an image has, by one linear layer on the mean of its features.

    Each class has a logit of its own, whose sigmoid is its probability. It is the same at each
    pixel, so that a classifier of images is trained, stored and published as other networks are.

    Args:
        in_channels: Of the level, or of the levels, that ``in_index`` names.
        dropout_ratio: Of the means.
        loss_decode: Config of a loss on logits B,C,H,W and labels B,H,W.
    """

    def __init__(
        self,
        in_channels: int,
        dropout_ratio: float = 0.0,
        loss_decode: dict = dict(type='semiseg_mm.ImageClassLoss'),
        **kwargs,
    ) -> None:
        channels = in_channels if isinstance(in_channels, int) else sum(in_channels)
        own = dict(dropout_ratio=dropout_ratio, loss_decode=loss_decode)
        super().__init__(in_channels, channels, **own, **kwargs)

    def forward(self, inputs: tuple[Tensor, ...]) -> Tensor:  # B,C,1,1
        return self.cls_seg(self._transform_inputs(inputs).mean((2, 3), keepdim=True))
