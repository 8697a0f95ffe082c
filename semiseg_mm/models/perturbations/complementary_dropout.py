from collections.abc import Sequence

import torch
from torch import Tensor, nn

from semiseg_mm.registry import MODELS
from semiseg_mm.utils import check_share

from .channel_dropout import Parts


@MODELS.register_module()
class ComplementaryDropout(nn.Module):
    """Show two views of an image complementary halves of the channels (UniMatch V2).

    A channel is doubled in one view and absent in the other. Levels of equal width share a mask, as
    those of a ViT do; of other networks each width has its own (the source speaks of ViTs only).

    Args:
        views: The pair.
        prob: Probability that a channel goes to the first view.
        clean: Share of the images that are left alone.
    """

    def __init__(
        self, views: Sequence[str] = ('strong1', 'strong2'), prob: float = 0.5, clean: float = 0.5
    ) -> None:
        super().__init__()
        self.views = tuple(views)
        check_share('prob', prob, 'ComplementaryDropout')
        check_share('clean', clean, 'ComplementaryDropout')
        self.prob = prob
        self.clean = clean

    def forward(self, features: Sequence[Tensor], parts: Parts) -> tuple[list[Tensor], Parts]:
        if not set(self.views) <= set(parts):
            return list(features), parts
        first, second = (parts[view] for view in self.views)
        count = first.stop - first.start
        untouched = torch.randperm(count)[: int(count * self.clean)]
        masks: dict[int, Tensor] = {}
        changed = []
        for x in features:
            if x.shape[1] not in masks:
                mask = 2.0 * (torch.rand(count, x.shape[1]) < self.prob)
                mask[untouched] = 1
                masks[x.shape[1]] = mask.to(x.device, x.dtype, non_blocking=True)[
                    ..., None, None
                ]  # B,C,1,1
            factor = torch.ones_like(x[:, :, :1, :1])
            factor[first], factor[second] = masks[x.shape[1]], 2 - masks[x.shape[1]]
            changed.append(x * factor)
        return changed, parts
