from mmseg.models.decode_heads.decode_head import BaseDecodeHead
from torch import Tensor, nn

from semiseg_mm.registry import MODELS


class ParallelConvs(nn.Module):
    """3x3 convolutions of several dilations, summed."""

    def __init__(self, in_channels: int, out_channels: int, dilations: tuple[int, ...]) -> None:
        super().__init__()
        self.convs = nn.ModuleList(
            nn.Conv2d(in_channels, out_channels, 3, padding=d, dilation=d) for d in dilations
        )

    def forward(self, x: Tensor) -> Tensor:
        return sum(conv(x) for conv in self.convs)


@MODELS.register_module()
class DeepLabV2Head(BaseDecodeHead):
    """The classifier of DeepLabV2 (Chen et al. 2016, arXiv:1606.00915) in its short form.

    Parallel dilated convolutions give class logits at once, without a hidden layer or norm, as in
    the networks that semi-supervised papers call DeepLabV2. (The paper's own ASPP-L has two more
    1x1 convolutions in each branch.) ``conv_seg`` is the set of them.
    """

    def __init__(
        self,
        in_channels: int,
        dilations: tuple[int, ...] = (6, 12, 18, 24),
        dropout_ratio: float = 0.0,
        **kwargs,
    ) -> None:
        channels = in_channels if isinstance(in_channels, int) else sum(in_channels)
        super().__init__(in_channels, channels, dropout_ratio=dropout_ratio, **kwargs)
        self.conv_seg = ParallelConvs(self.in_channels, self.out_channels, dilations)

    def forward(self, inputs: tuple[Tensor, ...]) -> Tensor:
        return self.cls_seg(self._transform_inputs(inputs))
