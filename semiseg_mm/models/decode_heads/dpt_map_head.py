from mmseg.models.decode_heads import DPTHead
from torch import Tensor, nn

from semiseg_mm.registry import MODELS


@MODELS.register_module()
class DPTMapHead(DPTHead):
    """mmseg's DPTHead for backbones that give feature maps alone.

    That one takes pairs of a map and a class token, which it can ignore but not go without, and
    which no perturbation of features reads.
    """

    def __init__(self, in_channels: list[int], embed_dims: int, **kwargs) -> None:
        super().__init__(
            in_channels=in_channels,
            embed_dims=embed_dims,
            readout_type='ignore',
            input_transform='multiple_select',
            **kwargs,
        )

    def init_weights(self) -> None:
        """PyTorch's own, as in UniMatch V2: without norms, Kaiming's makes the logits large."""
        for module in self.modules():
            if isinstance(module, (nn.Conv2d, nn.ConvTranspose2d)):
                module.reset_parameters()

    def _transform_inputs(self, inputs: tuple[Tensor, ...]) -> list[tuple[Tensor, None]]:
        return [(x, None) for x in super()._transform_inputs(inputs)]
