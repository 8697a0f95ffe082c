from torch import Tensor

from semiseg_mm.registry import MODELS

from .conv_discriminator import ConvDiscriminator


@MODELS.register_module()
class ConvCorrector(ConvDiscriminator):
    """Say of each pixel what should have been predicted there, B,K,H,W without activation."""

    def forward(self, x: Tensor) -> Tensor:
        return self.maps(x)
