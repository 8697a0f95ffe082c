from mmseg.models.decode_heads import DepthwiseSeparableASPPHead
from torch import nn

from semiseg_mm.registry import MODELS


@MODELS.register_module()
class DropoutASPPHead(DepthwiseSeparableASPPHead):
    """mmseg's head of DeepLabV3+ with the dropout of ST's code.

    Dropout has no weights and does nothing in tests, so a trained head is one of mmseg's.

    Args:
        pyramid_dropout: Share of the channels that are dropped behind the pyramid.
        dropout_ratio: Share of the single values that are dropped before the classifier (mmseg
            drops channels there).
    """

    def __init__(self, pyramid_dropout: float = 0.5, dropout_ratio: float = 0.1, **kwargs) -> None:
        super().__init__(dropout_ratio=dropout_ratio, **kwargs)
        self.bottleneck.activate = nn.Sequential(
            self.bottleneck.activate, nn.Dropout2d(pyramid_dropout)
        )
        self.dropout = nn.Dropout(dropout_ratio)

    @staticmethod
    def to_mmseg(config: dict) -> None:
        """Turn the config of such a head into that of mmseg's, in place, for publishing."""
        config.pop('pyramid_dropout', None)
        config['type'] = DepthwiseSeparableASPPHead.__name__
