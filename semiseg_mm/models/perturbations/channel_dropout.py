from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from semiseg_mm.registry import MODELS
from semiseg_mm.utils import check_share

Parts = dict[str, slice]  # view: its place in the batch


@MODELS.register_module()
class ChannelDropout(nn.Module):
    """Pass the head again, with whole channels of the features dropped (UniMatch).

    Clean and dropped features share one forward of the head. The view ``<view>_dropped`` is new.

    Args:
        p: Share of the channels.
        view: The view whose dropped prediction is learned from.
    """

    def __init__(self, p: float = 0.5, view: str = 'weak') -> None:
        super().__init__()
        check_share('p', p, 'ChannelDropout')
        self.p = p
        self.view = view

    def forward(self, features: Sequence[Tensor], parts: Parts) -> tuple[list[Tensor], Parts]:
        if self.view not in parts:
            return list(features), parts
        count, own = len(features[0]), parts[self.view]
        both = [torch.cat([x, F.dropout2d(x, self.p)]) for x in features]
        dropped = slice(own.start + count, own.stop + count)
        return both, {**parts, f'{self.view}_dropped': dropped}
